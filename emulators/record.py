"""What is known of a stack in its state folder, so that `status` and `down` find it from another process."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from emulators.errors import StackError

NAME: Final = "stack.json"


@dataclass(frozen=True)
class Record:
    """A stack as it was started.

    supervisor: the pid of supervisord; 0 before it is started.
    owner: the pid of the process that started it.
    ready: whether it had started up completely.
    overrides: its settings from the outside.
    data: PostgreSQL's folder, which may lie outside the state folder.
    """

    supervisor: int
    owner: int
    ready: bool
    regions: list[str]
    ports: dict[str, int]
    overrides: dict[str, str]
    data: str

    def save(self, state: Path) -> None:
        """Write the record, whole or not at all."""
        partial = state / f".{NAME}.{os.getpid()}"
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        partial.rename(state / NAME)


def load(state: Path) -> Record | None:
    """The record in a state folder; None when no stack is up there. Raises StackError when it cannot be read."""
    try:
        return Record(**json.loads((state / NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StackError(f"{state / NAME} cannot be read: end the stack's processes by hand, and remove it.") from error
