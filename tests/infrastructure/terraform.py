"""Runs the real Terraform on a copy of the configuration, with the stand-in provider. Nothing in the checkout changes.

A workspace is a temporary folder with a copy of `terraform/` and of what it reads, a mirror that `terraform init` finds
the provider in, and a CLI configuration that names the mirror. The provider itself is a process (offline/provider.py)
that serves all commands in the workspace, and the cloud is a file. The lock file that Terraform writes there is of the
stand-in, and never leaves the copy.
"""

import json
import os
import re
import shutil
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from tests.infrastructure.offline import schema
from tests.infrastructure.offline.states import States

ROOT: Final = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT: Final = ROOT / ".venv-infra"
SOURCES: Final = ("terraform", "functions/registry.yaml")
"""What a workspace has of the checkout."""

MISSING: Final = (
    "There is no terraform on the PATH: install Terraform 1.11 or later (developer.hashicorp.com/terraform)."
)

RESOURCE: Final = re.compile(r'^\s*(?:resource|data)\s+"(\w+)"', re.M)


BACKEND: Final = """\
terraform {{
  backend "http" {{
    address = "{address}"
  }}
}}
"""
"""Not a file: Terraform would compare and write all of it after every resource, minutes for a thousand of them."""

CLI: Final = """\
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path = "{mirror}"
  }}
}}
"""
"""The CLI configuration: providers come from the mirror, and from nowhere else."""


class Failed(AssertionError):
    """Terraform ended with an error; the message is its output."""


@cache
def executable() -> str:
    """Where Terraform is. Ends the whole run, as a failure, where it is missing."""
    found = shutil.which("terraform")
    if found is None:
        pytest.exit(MISSING, returncode=1)
    return found


@cache
def platform() -> str:
    """What Terraform calls this machine, such as `linux_amd64`."""
    told = subprocess.run([executable(), "version", "-json"], capture_output=True, text=True, check=True).stdout
    return str(json.loads(told)["platform"])


def tool(name: str) -> str:
    """The path of a program in `.venv-infra`. Ends the whole run, as a failure, where that is missing."""
    path = ENVIRONMENT / "bin" / name
    if not path.exists():
        pytest.exit(f"There is no {path.relative_to(ROOT)}: `make infra` installs it.", returncode=1)
    return str(path)


@cache
def full_schema() -> dict[str, Any]:
    """The schema of the whole provider; extracted on first use, and kept in `.venv-infra`."""
    bindings = next(ENVIRONMENT.glob("lib/python*/site-packages/cdktn_provider_google/_jsii/*.jsii.tgz"))
    loaded: dict[str, Any] = json.loads(schema.cached(bindings, ENVIRONMENT).read_text(encoding="utf-8"))
    return loaded


class Workspace:
    """A copy to run Terraform in."""

    def __init__(self, folder: Path, names: Sequence[str] = SOURCES, *, foreseen: bool = False) -> None:
        """folder: an empty one. names: what is copied from the checkout.

        foreseen: plans tell what the cloud is going to decide too, so that policies can read them before any apply.
        """
        self.folder = folder
        self._foreseen = foreseen
        for name in names:
            origin, copy = ROOT / name, folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if origin.is_dir():
                shutil.copytree(origin, copy, ignore=shutil.ignore_patterns(".terraform*", "__pycache__", "*.tfstate*"))
            elif origin.exists():
                shutil.copy(origin, copy)
        self._offline = folder / ".offline"
        self.states = States()
        weakref.finalize(self, self.states.close)
        self._make_mirror()

    def _make_mirror(self) -> None:
        """A mirror to install the provider from: all that `init` looks at is its name, and its digest."""
        version = full_schema()["version"]
        mirror = self._offline / "mirror" / schema.SOURCE / version / platform()
        mirror.mkdir(parents=True)
        program = mirror / f"terraform-provider-google_v{version}"
        program.write_text("#!/bin/sh\necho 'Its socket is in TF_REATTACH_PROVIDERS.' >&2\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
        settings = CLI.format(mirror=self._offline / "mirror")
        (self._offline / "cli.tfrc").write_text(settings, encoding="utf-8")

    @cached_property
    def _provider(self) -> str:
        """Start the stand-in provider, with the part of the schema that is used here; how Terraform reaches it."""
        used = {kind for path in self.folder.rglob("*.tf") for kind in RESOURCE.findall(path.read_text("utf-8"))}
        content = full_schema()["provider_schemas"][schema.SOURCE]
        kinds = ("resource_schemas", "data_source_schemas")
        part = {kind: {name: each for name, each in content[kind].items() if name in used} for kind in kinds}
        file, socket = self._offline / "schema.json", self._offline / "socket"
        file.write_text(json.dumps({"provider_schemas": {schema.SOURCE: {**content, **part}}}), encoding="utf-8")
        module = "tests.infrastructure.offline.provider"
        command = [tool("python"), "-m", module, str(file), str(self._offline / "cloud"), str(socket)]
        command += ["foreseen"] if self._foreseen else []
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        weakref.finalize(self, _end, process)
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise Failed("The stand-in provider did not start: its error is above.")
        address = {"Network": "unix", "String": str(socket)}
        reattach = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": process.pid, "Test": True, "Addr": address}
        return json.dumps({schema.SOURCE: reattach})

    def run(self, root: str, *arguments: str, accept: Sequence[int] = (0,)) -> str:
        """Run Terraform in a root module, such as `terraform`; what it printed. accept: a success's exit codes.

        Raises Failed.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        environment |= {"TF_CLI_CONFIG_FILE": str(self._offline / "cli.tfrc"), "TF_IN_AUTOMATION": "1", "GOGC": "400"}
        if arguments[0] not in ("init", "fmt"):
            environment["TF_REATTACH_PROVIDERS"] = self._provider
        command = [executable(), f"-chdir={self.folder / root}", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode not in accept:
            said = f"{done.stdout}{done.stderr}"
            raise Failed(f"terraform {' '.join(arguments)} in {root} ended with {done.returncode}:\n{said}")
        return done.stdout

    def initialise(self, root: str) -> None:
        """Run `terraform init` with the state in this process instead of in Cloud Storage."""
        override = self.folder / root / "backend_override.tf"
        override.write_text(BACKEND.format(address=self.states.address(root)), encoding="utf-8")
        self.run(root, "init", "-input=false", "-no-color")

    def show(self, root: str, *plan: str) -> dict[str, Any]:
        """What `terraform show -json` says of a plan file, or of the state."""
        loaded: dict[str, Any] = json.loads(self.run(root, "show", "-json", *plan))
        return loaded

    def variables(self, root: str, name: str) -> Mapping[str, Any]:
        """The values of a .tfvars file, as far as they are plain."""
        text = (self.folder / root / name).read_text("utf-8")
        return dict(re.findall(r'^(\w+)\s*=\s*"([^"]*)"', text, re.M))


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    process.wait()
