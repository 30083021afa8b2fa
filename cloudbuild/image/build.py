"""Builds the image twice, from bases that are made of Debian's packages, and compares the two."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from cloudbuild.image.tools import HERE, PYTHON, ROOT, ImageError, run, succeeds

IMAGE: Final = "localhost/meridian"
BASE: Final = "localhost/meridian-base"
BUILDER: Final = "localhost/meridian-builder"

HADOLINT: Final = ROOT / ".venv-image" / "bin" / "hadolint"
ACCOUNT: Final = "65532:65532"


def lint() -> None:
    """Check the Dockerfile. Raises ImageError."""
    run(HADOLINT, "cloudbuild/Dockerfile")


def bases(*, keep: bool) -> dict[str, str]:
    """Make the two bases. Returns their references by build argument, each with its digest. keep: those that exist."""
    names = {"BASE": (BASE, "base.tar"), "BUILDER": (BUILDER, "builder.tar")}
    if not (keep and all(succeeds("buildah", "inspect", "--type", "image", name) for name, _ in names.values())):
        with tempfile.TemporaryDirectory() as folder:
            run(HERE / "bases.sh", folder)
            for name, file in names.values():
                _imported(Path(folder) / file, name)
    return {argument: f"{name}@{_digest(name)}" for argument, (name, _) in names.items()}


def _imported(file: Path, name: str) -> None:
    """Make an image of one layer of an archive."""
    container = run("buildah", "from", "scratch").strip()
    run("buildah", "add", "--quiet", container, file, "/")
    run("buildah", "config", "--env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", container)
    run("buildah", "commit", "--quiet", "--rm", "--timestamp", "0", container, name)


def _digest(name: str) -> str:
    return run("buildah", "images", "--format", "{{.Digest}}", name).split()[0]


def wheels() -> int:
    """Fetch the wheels of the image. Returns how many there are."""
    run(HERE / "wheels.sh", environment={"PIP": f"{sys.executable} -m pip", "PYTHON": str(PYTHON)})
    return len(list((ROOT / ".wheels").glob("*.whl")))


def build(arguments: dict[str, str]) -> str:
    """Build the image, without a network and without a cache. Returns its id."""
    revision = run("git", "rev-parse", "HEAD").strip()
    given = [f"--build-arg={name}={value}" for name, value in {**arguments, "REVISION": revision}.items()]
    isolated = ("--isolation", "oci", "--runtime", "runc", "--network", "none")
    printed = run(
        *("buildah", "build", "--quiet", "--no-cache", "--timestamp", "0", *isolated, *given),
        *("--file", "cloudbuild/Dockerfile", "--tag", IMAGE, "."),
    )
    return printed.strip().splitlines()[-1]


def inspect() -> dict[str, str]:
    """What is known of the image; raises ImageError if it is not as it should be."""
    known = json.loads(run("podman", "image", "inspect", IMAGE))[0]
    configured = known["Config"]
    if configured["User"] != ACCOUNT or configured["Entrypoint"] != ["python3.11", "-m", "functions.main"]:
        raise ImageError(f"The image runs {configured['Entrypoint']} as {configured['User']}.")
    if succeeds("podman", "run", "--rm", "--network", "none", "--entrypoint", "/bin/sh", IMAGE, "-c", "true"):
        raise ImageError("The image has a shell.")
    code = "import json; print(len(json.load(open('/app/sbom.json'))['components']))"
    listed = run("podman", "run", "--rm", "--network", "none", "--entrypoint", "python3.11", IMAGE, "-c", code)
    return {
        "id": known["Id"][:12],
        "size": f"{known['Size'] / 1e6:.0f} MB",
        "layers": str(len(known["RootFS"]["Layers"])),
        "SBOM": f"{listed.strip()} packages",
        "base": configured["Labels"]["org.opencontainers.image.base.name"],
    }
