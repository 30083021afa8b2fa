"""Installs the local chain and the Solidity compiler with npm from its lock file, if that has changed.

    python3 -I emulators/install_node.py

The stack runs without them, so a failure here is no error; it prints one sentence.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
LOCK_FILE: Final = HERE / "package-lock.json"
"""Versions and hashes; it names no registry, so npm uses the configured one."""
MODULES: Final = HERE / "node_modules"
STAMP: Final = MODULES / "installed"
COMMAND: Final = (
    *("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"),
    *("--fetch-retries", "1", "--fetch-timeout", "20000"),
)
AT_MOST_SECONDS: Final = 180
WITHOUT: Final = "the stack runs without a chain: nothing is deposited, withdrawn or claimed on one"


def main() -> int:
    """Install what is missing. Always returns 0: whatever needs the packages reports their absence."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    if _installed(digest):
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print(f"There is no npm, so {WITHOUT}.")
        return 0
    MODULES.mkdir(exist_ok=True)
    # `make run` and `make test` may be the first two commands in a fresh clone, at the same time.
    with (HERE / ".node.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _installed(digest):
            print("installing the local chain with npm ...", flush=True)
            if _install():
                STAMP.write_text(digest, encoding="ascii")
            else:
                print(f"npm could not install the local chain, so {WITHOUT}.")
    return 0


def _installed(digest: str) -> bool:
    return STAMP.exists() and STAMP.read_text(encoding="ascii") == digest


def _install() -> bool:
    try:
        ended = subprocess.run(COMMAND, cwd=HERE, stdin=subprocess.DEVNULL, timeout=AT_MOST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
