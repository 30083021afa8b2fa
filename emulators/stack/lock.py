"""A file lock on a state folder, held by commands so that a start and a stop do not interfere."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from emulators.stack.errors import StackError

NAME: Final = "lock"

HELD_SECONDS: Final = 90.0
"""How long to wait for another start or stop of the same stack."""

POLL_SECONDS: Final = 0.1


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, waiting up to HELD_SECONDS for it. Raises StackError when it stays taken."""
    deadline = time.monotonic() + HELD_SECONDS
    with (folder / NAME).open("wb") as file:
        while not _taken(file):
            if time.monotonic() > deadline:
                raise StackError(f"Another command has been busy with {folder} for too long.")
            time.sleep(POLL_SECONDS)
        yield


@contextlib.contextmanager
def held_if_free(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder unless it is taken; yields whether it is held."""
    with (folder / NAME).open("wb") as file:
        yield _taken(file)


def _taken(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
