"""The state file of a stack, by which `status` and `down` find it from another process."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from emulators.stack.environment import Layout
from emulators.stack.errors import StackError
from emulators.stack.sites import Site

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

    @classmethod
    def of(cls, layout: Layout, data: Path) -> Self:
        """That of a stack which this process starts."""
        served = [[site.cell, site.region, site.name] for site in layout.sites]
        return cls(0, os.getpid(), False, served, {**layout.ports}, {**layout.overrides}, str(data))

    def layout(self, state: Path) -> Layout:
        """The stack's layout, in its state folder."""
        return Layout(state, self.ports, tuple(Site(*site) for site in self.sites), self.overrides)

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
