"""The programs that the image is built and run with here, and how they are called."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]

PACKAGES: Final = ("buildah", "podman", "runc", "conmon", "catatonit", "mmdebstrap")
"""Debian's packages, each with a program of its name."""

PYTHON: Final = Path("/usr/bin/python3.11")
"""Debian's own Python, which is the image's, too."""


class ImageError(Exception):
    """The image cannot be built, or does not do what it should. A sentence that says why."""


def require() -> None:
    """Make sure that everything is there. Raises ImageError, in one sentence, if something is missing."""
    missing = [name for name in PACKAGES if shutil.which(name) is None and not Path("/usr/libexec", name).exists()]
    if os.getuid() != 0 or missing or not PYTHON.exists():
        raise ImageError(
            "The image is built as root on Debian 12 with its packages: apt-get install --no-install-recommends "
            + " ".join(PACKAGES)
        )


def run(
    *command: str | Path,
    environment: Mapping[str, str] | None = None,
    within_seconds: float = 900,
    check: bool = True,
    errors: int = subprocess.PIPE,
) -> str:
    """Run a program at the root of the checkout; returns what it printed. Raises ImageError if it fails.

    errors: where its standard error goes; subprocess.STDOUT for what is returned.
    """
    given = {**os.environ, "CONTAINERS_CONF": str(HERE / "containers.conf"), **(environment or {})}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=given,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        timeout=within_seconds,
        check=False,
    )
    if check and ended.returncode != 0:
        raise ImageError(f"{' '.join(map(str, command[:3]))} failed:\n{_last(ended.stderr or ended.stdout)}")
    return ended.stdout


def succeeds(*command: str | Path) -> bool:
    """Whether a program ends with 0."""
    given = {**os.environ, "CONTAINERS_CONF": str(HERE / "containers.conf")}
    words: Sequence[str] = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, env=given, capture_output=True, timeout=120, check=False).returncode == 0


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])
