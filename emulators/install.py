"""Creates .venv with the packages of the requirement files, unless neither they nor Python have changed.

Each file pins every direct and transitive dependency with hashes; pip refuses anything else. Where a package is known
to have no wheel, one sentence says so before anything is installed; emulators/wheels.py asks the index for them.

    python3 -I emulators/install.py [requirement file ...]

Only the standard library is used; -I keeps this folder out of the import path, where its modules would shadow it.
"""

import fcntl
import hashlib
import importlib.util
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
STAMP: Final = VENV / "installed"
FILES: Final = ("requirements-dev.txt",)
"""A superset of requirements.txt."""

PYTHONS: Final = ((3, 11), (3, 12), (3, 13), (3, 14))
"""The versions of CPython that every package has wheels for."""

MACHINES: Final = {"linux": ("x86_64", "aarch64"), "darwin": ("arm64",)}
"""The processors, by sys.platform. Envoy is not built for Intel Macs."""

LEAST_GLIBC: Final = (2, 31)
LEAST_MACOS: Final = (15, 0)
"""The oldest systems that Envoy is built for: glibc's of Debian 11 and Ubuntu 20.04, macOS Sequoia."""

LINES_SHOWN: Final = 15
"""How much of pip's output is shown when it fails."""


def main(files: Sequence[str]) -> int:
    """Install what is missing. Returns the exit code; a failure prints pip's last output and one sentence."""
    refusal = unsupported(sys.version_info[:2], sys.platform, platform.machine(), _system_version())
    if refusal:
        return _fail(refusal)
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return _fail(
            f"Python's venv module is incomplete: install it (Debian: `apt-get install python{version}-venv`)."
        )
    VENV.mkdir(exist_ok=True)
    # `make run` and `make test` may be the first two commands in a fresh clone, at the same time.
    with (VENV / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = _digest(files)
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == digest:
            return 0
        code = _install(files)
        if code == 0:
            STAMP.write_text(digest, encoding="ascii")
        return code


def unsupported(python: tuple[int, ...], system: str, machine: str, version: tuple[int, ...]) -> str:
    """Why Meridian cannot be installed here, in one sentence; empty if it can.

    python: its major and minor version. system: sys.platform. machine: the processor, as uname names it.
    version: that of glibc on Linux (empty where the C library is another), else of the system.
    """
    if python not in PYTHONS:
        known = ", ".join(f"{major}.{minor}" for major, minor in PYTHONS)
        return f"Meridian runs on Python {known}, and this is {_dotted(python)}: choose, as in make PYTHON=python3.11."
    if system not in MACHINES:
        return f"Meridian runs on Linux and macOS, and this is {system}."
    if machine not in MACHINES[system]:
        names = " and ".join(MACHINES[system])
        return f"Meridian's packages have wheels for {names} here, and this machine is {machine}."
    if system == "linux" and version < LEAST_GLIBC:
        found = "another C library" if not version else f"glibc {_dotted(version)}"
        return f"Meridian needs Linux with glibc {_dotted(LEAST_GLIBC)} or later, and this system has {found}."
    if system == "darwin" and version < LEAST_MACOS:
        return f"Meridian needs macOS {LEAST_MACOS[0]} or later, and this is {_dotted(version)}."
    return ""


def _system_version() -> tuple[int, ...]:
    """The version that `unsupported` compares."""
    name, libc = platform.libc_ver()
    text = platform.mac_ver()[0] if sys.platform == "darwin" else libc if name == "glibc" else ""
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _digest(files: Sequence[str]) -> str:
    """A digest of what the environment depends on: this Python and the requirement files."""
    digest = hashlib.sha256(f"{sys.version} {sys.base_prefix}".encode())
    for file in files:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def _install(files: Sequence[str]) -> int:
    print(f"creating .venv with the packages of {' and '.join(files)} ...", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return _fail(f"The virtual environment could not be created: {made.stdout.strip()} {made.stderr.strip()}")
    requirements = [word for file in files for word in ("-r", str(ROOT / file))]
    pip_install = (str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check")
    command = [*pip_install, "--require-hashes", *requirements]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            lines.append(line.rstrip())
            _show(lines)
    if pip.returncode != 0:
        print("\n".join(lines[-LINES_SHOWN:]), file=sys.stderr)
        return _fail("The Python packages could not be installed: pip's last output is above.")
    return 0


def _show(lines: Sequence[str]) -> None:
    """Print pip's progress: every tenth package, and the long installation step."""
    found = sum(line.startswith("Collecting ") for line in lines)
    if lines[-1].startswith("Collecting ") and found % 10 == 0:
        print(f"  {found} packages found ...", flush=True)
    elif lines[-1].startswith("Installing collected"):
        print(f"  installing {found} packages ...", flush=True)


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or FILES))
    except KeyboardInterrupt:
        sys.exit(130)
