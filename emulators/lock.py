"""A lock that commands hold on a state folder: a start and an end at once would undo one another."""

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from emulators.errors import StackError

NAME: Final = "lock"

HELD_SECONDS: Final = 90.0
"""How long another start or end of the same stack may take."""

LOOK_SECONDS: Final = 0.1


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, waiting for whoever has it. Raises StackError when that does not come to an end."""
    deadline = time.monotonic() + HELD_SECONDS
    with (folder / NAME).open("wb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(f"Another command has been busy with {folder} for too long.") from None
                time.sleep(LOOK_SECONDS)
        yield
