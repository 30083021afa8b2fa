"""Installs the packages of a folder with npm from its lock file, if that has changed.

    python3 -I emulators/install_node.py              the local chain, the Solidity compiler
    python3 -I emulators/install_node.py typescript   what the TypeScript client needs

The stack runs without them, so a failure here is no error; it prints one sentence.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).resolve().parent


class Packages(NamedTuple):
    """The packages of a folder. Its package-lock.json has versions and hashes, and names no registry: npm's is used."""

    folder: Path
    what: str
    without: str

    @property
    def stamp(self) -> Path:
        """Contains the digest of the lock file that was installed from."""
        return self.folder / "node_modules" / "installed"


CHAIN: Final = Packages(
    HERE,
    "the local chain",
    "the stack runs without a chain: nothing is deposited, withdrawn or claimed on one",
)
TYPESCRIPT: Final = Packages(
    HERE.parent / "shared" / "client" / "typescript",
    "what the TypeScript client needs",
    "that client and the examples in TypeScript cannot be checked or run",
)
COMMAND: Final = (
    *("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"),
    *("--fetch-retries", "1", "--fetch-timeout", "20000"),
)
AT_MOST_SECONDS: Final = 180


def main(packages: Packages) -> int:
    """Install what is missing. Always returns 0: whatever needs the packages reports their absence."""
    digest = hashlib.sha256((packages.folder / "package-lock.json").read_bytes()).hexdigest()
    if _installed(packages, digest):
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print(f"There is no npm, so {packages.without}.")
        return 0
    packages.stamp.parent.mkdir(exist_ok=True)
    # `make run` and `make test` may be the first two commands in a fresh clone, at the same time.
    with (packages.folder / ".node.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _installed(packages, digest):
            print(f"installing {packages.what} with npm ...", flush=True)
            if _install(packages.folder):
                packages.stamp.write_text(digest, encoding="ascii")
            else:
                print(f"npm could not install {packages.what}, so {packages.without}.")
    return 0


def _installed(packages: Packages, digest: str) -> bool:
    return packages.stamp.exists() and packages.stamp.read_text(encoding="ascii") == digest


def _install(folder: Path) -> bool:
    try:
        ended = subprocess.run(COMMAND, cwd=folder, stdin=subprocess.DEVNULL, timeout=AT_MOST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main(TYPESCRIPT if sys.argv[1:] == ["typescript"] else CHAIN))
    except KeyboardInterrupt:
        sys.exit(130)
