"""Runs roles of the image as Kubernetes Pods (`podman kube play`), beside a stack of databases and emulators alone.

Each Pod is the one of the cluster's manifests, with the host's network and the stack's environment. Its probes are
asked from outside: podman would run them in the container, by programs that the image does not have.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cloudbuild.image.build import IMAGE
from cloudbuild.image.tools import ImageError, run
from cloudbuild.manifests.containers import ACCOUNT, Target, container, pod
from emulators.stack import readiness
from emulators.stack.environment import INHERITED
from emulators.waiting import until
from shared.container.function import DRAIN_SECONDS
from shared.container.probes import LIVE, READY

START_SECONDS: Final = 240.0

OF_HOST: Final = frozenset({*INHERITED, "FUNCTION_SOURCE", "MERIDIAN_STACK", "PYTHONPATH"})
"""Variables of the stack that say where something is on this machine."""

OF_PODMAN: Final = frozenset({"/etc", "/etc/group", "/etc/passwd", "/run", "/secrets", "/tmp"})  # noqa: S108
"""What podman itself adds to a container: accounts, and the places of mounts."""


@dataclass
class Pod:
    """A running Pod of one container. port: where it answers probes."""

    target: Target
    port: int
    file: Path

    @property
    def container(self) -> str:
        """The name that podman gives its container."""
        return f"{self.target.name}-{self.target.role}"

    def ready(self) -> bool:
        """Whether it answers its probe. Raises ImageError if it has ended."""
        if self.state()["Status"] == "exited":
            raise ImageError(f"{self.target.name} ended: {self.logs()}")
        if self.target.role == "rpc":
            return readiness.grpc_serving(self.port)()
        return readiness.http_ok(self.port, READY if self.target.role == "function" else LIVE)()

    def state(self) -> dict[str, Any]:
        """The state of its container, as podman knows it."""
        state: dict[str, Any] = json.loads(run("podman", "inspect", self.container))[0]["State"]
        return state

    def logs(self) -> str:
        """The end of its log."""
        return run("podman", "logs", "--tail", "15", self.container, errors=subprocess.STDOUT)

    def written(self) -> list[str]:
        """What was written to its root, beside what podman does."""
        lines = run("podman", "diff", self.container).splitlines()
        return [line for line in lines if line.split(maxsplit=1)[-1] not in OF_PODMAN]

    def terminate(self) -> None:
        """Send SIGTERM, and do not wait."""
        run("podman", "kill", "--signal", "TERM", self.container)

    def exit_code(self) -> int:
        """Its exit code, once it has ended. Raises ImageError if it does not end by itself."""
        with suppress(subprocess.TimeoutExpired):
            return int(run("podman", "wait", self.container, within_seconds=2 * DRAIN_SECONDS).strip())
        raise ImageError(f"{self.target.name} does not end: {self.logs()}")


class Pods:
    """The Pods of one run."""

    def __init__(self, environment: Mapping[str, str], secrets: Path) -> None:
        """secrets: a folder with a directory for each secret, as Cloud Run mounts them."""
        given = {name: value for name, value in environment.items() if name not in OF_HOST}
        self._environment = {**given, "SECRETS_DIR": "/secrets"}
        self._secrets = secrets
        self._folder = Path(tempfile.mkdtemp(prefix="meridian-pods-"))
        self.running: list[Pod] = []

    def start(self, target: Target, port: int, **environment: str) -> Pod:
        """Start a target; its Pod is not ready yet."""
        file = self._folder / f"{target.name}.yaml"
        given = {**self._environment, **environment}
        file.write_text(yaml.safe_dump(_manifest(target, given, self._secrets)), encoding="utf-8")
        run("podman", "kube", "play", file)
        self.running.append(Pod(target, port, file))
        return self.running[-1]

    def until_ready(self, *started: Pod) -> None:
        """Wait until Pods answer their probes. Raises ImageError if one ends, TimeoutError if one never does."""
        for each in started:
            until(each.ready, bool, START_SECONDS, 0.2)

    def remove(self) -> None:
        """Remove every Pod, running or not."""
        for each in self.running:
            run("podman", "kube", "play", "--down", each.file, check=False)
        self.running.clear()


def _manifest(target: Target, environment: Mapping[str, str], secrets: Path) -> dict[str, Any]:
    running = container(target, IMAGE)
    del running["envFrom"], running["resources"]
    running["imagePullPolicy"] = "Never"
    running["env"] = [{"name": name, "value": value} for name, value in environment.items()]
    running["volumeMounts"] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        {"name": "secrets", "mountPath": "/secrets", "readOnly": True},
    ]
    volumes = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "secrets", "hostPath": {"path": str(secrets), "type": "Directory"}},
    ]
    spec = {**pod(target, [running]), "hostNetwork": True, "restartPolicy": "Never", "volumes": volumes}
    del spec["serviceAccountName"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": target.name}, "spec": spec}


def mounted(secrets: Path, folder: Path) -> Path:
    """Copy secrets to a folder as Cloud Run mounts them, readable by the image's account alone."""
    for secret in (path for path in secrets.iterdir() if path.is_file()):
        place = folder / secret.name / "value"
        place.parent.mkdir(mode=0o500)
        place.write_bytes(secret.read_bytes())
        place.chmod(0o400)
        for path in (place, place.parent):
            os.chown(path, ACCOUNT, ACCOUNT)
    os.chown(folder, ACCOUNT, ACCOUNT)
    return folder
