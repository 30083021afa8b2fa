"""Stops the stack when the process that started it dies without doing so: a killed test run, a closed terminal.

python -m emulators.stack.watchdog <pid of the owner> <state folder>
"""

import contextlib
import os
import signal
import subprocess
import sys

import psutil


def main(owner: int, state: str) -> None:
    """Wait until the owner exits, run `down` for its stack, and wait for that to kill this process too."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(owner).wait()
    # Not marked as a process of the stack, or `down` would kill itself.
    environment = {name: value for name, value in os.environ.items() if name != "MERIDIAN_STACK"}
    subprocess.Popen(
        [sys.executable, "-m", "emulators", "down", "--state", state], env=environment, start_new_session=True
    )
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
