"""What the home of a supply does with all cells: it alone says `sold_out`, and it alone deletes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Counters:
    """What a cell reports of a supply to its home: how many units were sold there, as of its account's `changes`."""

    supply: str
    cell: str
    sold: int
    changes: int


class SoldOut:
    """The home's view of a supply over all cells; only the home says `sold_out`, since only it writes the stream."""

    def __init__(self, quantity: int) -> None:
        self.quantity = quantity
        self._latest: dict[str, Counters] = {}

    def report(self, counters: Counters) -> bool:
        """Note a report; older ones than the last of its cell are ignored. Returns whether all units are sold."""
        before = self._latest.get(counters.cell)
        if before is None or counters.changes > before.changes:
            self._latest[counters.cell] = counters
        return sum(each.sold for each in self._latest.values()) >= self.quantity


Closed = Literal["waiting", "closed", "reserved", "unreachable"]


class Closing:
    """Deleting a supply: it is paused, then every cell closes its quota (Account.close), and only then is it gone.

    Closing may be repeated, and is after a failure: what has closed stays closed until the supply is active again.
    """

    def __init__(self, cells: Collection[str]) -> None:
        self._answers: dict[str, Closed] = dict.fromkeys(cells, "waiting")

    def answer(self, cell: str, answer: Closed) -> None:
        """A cell has closed, has reservations, or does not answer."""
        self._answers[cell] = answer

    @property
    def outcome(self) -> Closed:
        """204 once closed; 409 if any cell has reservations, which is known for certain; 503 if one is unreachable."""
        for worst in ("reserved", "unreachable", "waiting"):
            if worst in self._answers.values():
                return worst
        return "closed"

    @property
    def open_cells(self) -> list[str]:
        """The cells to ask yet, or again."""
        return [cell for cell, answer in self._answers.items() if answer != "closed"]
