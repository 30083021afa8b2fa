"""Turns at the machine: a test that takes all of it runs while no other process of the run uses a stack."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

WORKER = "PYTEST_XDIST_WORKER"
"""Is set in a process that runs a share of the tests, by pytest-xdist."""


@contextlib.contextmanager
def turn(own: Path, *, alone: bool) -> Iterator[None]:
    """Use the machine together with others, or alone.

    own: the folder of this process's temporary files, which is in that of the run if there are several processes.
    Whoever wants it alone closes the door first, so that a stream of others cannot keep them waiting.
    """
    folder = own.parent if WORKER in os.environ else own
    with (folder / "door").open("wb") as door, (folder / "room").open("wb") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
