"""Ends the stack when whoever started it is gone without a word: a killed test run, a closed terminal.

python -m emulators.guard <pid of the owner> <state folder>
"""

import contextlib
import os
import signal
import subprocess
import sys

import psutil


def main(owner: int, state: str) -> None:
    """Wait for the end of the owner, start `down` for its stack, and wait for that to end this process too."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    # Outside the stack's own processes, or `down` would be one of those that it ends.
    environment = {name: value for name, value in os.environ.items() if name != "MERIDIAN_STACK"}
    subprocess.Popen(
        [sys.executable, "-m", "emulators", "down", "--state", state], env=environment, start_new_session=True
    )
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
