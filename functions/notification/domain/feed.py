"""A feed: each item has a position in a lane, and a reader's cursor has the position reached in each lane.

Each cell (a region's share of all data, named in every id) writes a lane of its own, since a merchant's sales may be in
several cells. Within a lane, positions are assigned without gaps in the transactions that add the items, and never
change. A reader stops before a position that is not readable yet, whatever is behind it, so late items are not missed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared import ids

_PLACE: Final = re.compile(rf"({ids.CELL}):(0|[1-9][0-9]{{0,11}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Item:
    """An event in a user's feed, with the data that they may see."""

    id: str
    type: str
    subject: str
    version: int
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An item at its position in a lane. revision: of two writes to one position, the greater revision is newer."""

    user_id: str
    position: int
    revision: int
    item: Item | None
    """None if the event turned out not to be for this user: the position stays, and shows nothing."""


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """The position that a reader has reached, by cell."""

    by_cell: Mapping[str, int]

    @classmethod
    def parse(cls, text: str | None, cells: Iterable[str]) -> "FeedCursor":
        """Parse a cursor; None is the beginning. Raises ValueError for a malformed one."""
        known = dict.fromkeys(cells, 0)
        given: dict[str, int] = {}
        for part in text.split(",") if text is not None else ():
            match = _PLACE.fullmatch(part)
            if match is None or match[1] not in known or match[1] in given:
                raise ValueError("is not a cursor of this list: send the `next_cursor` of the page before")
            given[match[1]] = int(match[2])
        return cls({**known, **given})

    def __str__(self) -> str:
        """The cursor's text."""
        return ",".join(f"{cell}:{position}" for cell, position in self.by_cell.items())


def page(cursor: FeedCursor, lanes: Mapping[str, list[FeedEntry]], limit: int) -> tuple[list[Item], FeedCursor]:
    """The next items, and the cursor behind them: each lane in its own order, and between lanes the older item first.

    lanes: what can be read behind the cursor, in order; entries behind a gap are not reached.
    """
    reached = dict(cursor.by_cell)
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
    return items, FeedCursor(reached)


def _unbroken(after: int, lane: list[FeedEntry]) -> list[FeedEntry]:
    return [placed for position, placed in enumerate(lane, after + 1) if placed.position == position]
