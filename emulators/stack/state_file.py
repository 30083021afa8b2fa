"""The state file of a stack, by which `status` and `down` find it from another process."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from emulators.stack.errors import StackError

NAME: Final = "stack.json"


@dataclass(frozen=True)
class StackState:
    """How a stack was started.

    supervisor: the pid of supervisord; 0 before it is started.
    owner: the pid of the process that started it.
    ready: whether it has started completely.
    sites: cell, region and name of each.
    overrides: the settings from its caller.
    data: PostgreSQL's folder, which may be outside the state folder.
    """

    supervisor: int
    owner: int
    ready: bool
    sites: list[list[str]]
    ports: dict[str, int]
    overrides: dict[str, str]
    data: str

    def save(self, state: Path) -> None:
        """Write the file atomically."""
        partial = state / f".{NAME}.{os.getpid()}"
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        partial.rename(state / NAME)


def load(state: Path) -> StackState | None:
    """The state of the stack in a folder; None when none is up. Raises StackError when the file cannot be read."""
    try:
        return StackState(**json.loads((state / NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{state / NAME} cannot be read: kill the stack's processes by hand, and remove it."
        ) from error
