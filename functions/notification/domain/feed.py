"""A feed: its items each have a place in a lane, and a reader comes back with the places that they have reached.

Each cell writes a lane of its own, so that a merchant whose sales are at home in several cells has one order in each.
In a lane, places are given without gaps in the transactions that make the items, and kept for ever; where one is not
readable yet, a reader stops before it, whatever comes behind it. So nothing is missed that arrives late.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_PLACE: Final = re.compile(r"([a-z]{2}):(0|[1-9][0-9]{0,11})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that its user is told: an event, and what of it is for them."""

    id: str
    type: str
    subject: str
    version: int
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """An item of a feed at its place. revision: of two that were written for a place, the greater is the newer one."""

    user_id: str
    position: int
    revision: int
    item: Item | None
    """None where what was told turned out not to be for this user: the place stays, and shows nothing."""


@dataclass(frozen=True, slots=True)
class Places:
    """How far somebody has read, by cell."""

    by_cell: Mapping[str, int]

    @classmethod
    def parse(cls, text: str | None, cells: Iterable[str]) -> "Places":
        """What a cursor says; none is the beginning. Raises ValueError for what no cursor of ours says."""
        known = dict.fromkeys(cells, 0)
        given: dict[str, int] = {}
        for part in text.split(",") if text is not None else ():
            match = _PLACE.fullmatch(part)
            if match is None or match[1] not in known or match[1] in given:
                raise ValueError("not a cursor of this list")
            given[match[1]] = int(match[2])
        return cls({**known, **given})

    def __str__(self) -> str:
        """As a cursor says it."""
        return ",".join(f"{cell}:{position}" for cell, position in self.by_cell.items())


def page(places: Places, lanes: Mapping[str, list[Placed]], limit: int) -> tuple[list[Item], Places]:
    """The next items, and the places behind them: each lane in its own order, and between lanes the older first.

    lanes: what can be read behind `places`, in order; what stands behind a gap is not reached.
    """
    reached = dict(places.by_cell)
    items: list[Item] = []
    waiting = {cell: list(reversed(_unbroken(reached[cell], lane))) for cell, lane in lanes.items()}
    while len(items) < limit:
        heads = [(lane[-1].item.at if lane[-1].item else None, cell) for cell, lane in waiting.items() if lane]
        if not heads:
            break
        hidden = next((cell for at, cell in heads if at is None), None)
        cell = hidden or min((at, cell) for at, cell in heads if at is not None)[1]
        placed = waiting[cell].pop()
        reached[cell] = placed.position
        if placed.item:
            items.append(placed.item)
    return items, Places(reached)


def _unbroken(after: int, lane: list[Placed]) -> list[Placed]:
    return [placed for position, placed in enumerate(lane, after + 1) if placed.position == position]
