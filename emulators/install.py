"""Makes .venv with the packages of the requirement files, when those or Python have changed since.

Each file pins what it names and all that this needs, with hashes: pip refuses whatever else it is handed.

    python3 -I emulators/install.py [requirement file ...]

It uses the standard library alone, and -I keeps this folder out of the search path: its secrets.py is not Python's.
"""

import fcntl
import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
STAMP: Final = VENV / "installed"
FILES: Final = ("requirements-dev.txt",)
"""It holds what requirements.txt does, and more."""

LINES_SHOWN: Final = 15
"""Of pip's output, when it fails."""


def main(files: Sequence[str]) -> int:
    """Install what is missing. Returns the exit code; a failure is one sentence, after pip's own words."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return _fail(
            f"Python's venv module is incomplete: install it (Debian: `apt-get install python{version}-venv`)."
        )
    VENV.mkdir(exist_ok=True)
    # `make run` and `make test` may be the first two commands in a fresh clone, at the same time.
    with (VENV / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _digest(files)
        if STAMP.exists() and STAMP.read_text(encoding="ascii") == wanted:
            return 0
        code = _install(files)
        if code == 0:
            STAMP.write_text(wanted, encoding="ascii")
        return code


def _digest(files: Sequence[str]) -> str:
    """What the environment depends on: this Python, and the requirement files."""
    digest = hashlib.sha256(f"{sys.version} {sys.base_prefix}".encode())
    for file in files:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def _install(files: Sequence[str]) -> int:
    print(f"making .venv with the packages of {' and '.join(files)} ...", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return _fail(f"The virtual environment could not be made: {made.stdout.strip()} {made.stderr.strip()}")
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
        return _fail("The Python packages could not be installed: pip's last words are above.")
    return 0


def _show(lines: Sequence[str]) -> None:
    """Tell how far pip is: every tenth package, and the long last step."""
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
