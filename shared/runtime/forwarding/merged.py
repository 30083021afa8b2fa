"""Answers of several cells made one: pages merged in order, with one cursor for all; other answers united.

A page's cursor is the cells' own cursors in one text. A cell's own cursor names the last item that was shown of it
(shared/contracts/operations.py), so a page goes on behind it wherever the merge has stopped.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from shared import ids
from shared.decoding import ready
from shared.errors import Malformed

FOREIGN: Final = "!"
"""A cursor that no list has: a cell refuses it as it refuses any malformed one."""


class Places(msgspec.Struct, frozen=True):
    """How far a reader is: the own cursor of each cell, None at its beginning. Cells that are missing have ended."""

    by_cell: Mapping[str, str | None]

    @classmethod
    def parse(cls, text: str | None, cells: Sequence[str]) -> "Places":
        """Parse a cursor; None is the beginning of all cells. Raises Malformed."""
        if text is None:
            return cls(dict.fromkeys(cells))
        try:
            given = msgspec.json.decode(base64.urlsafe_b64decode(text), type=ready(dict[str, str | None]))
        except (msgspec.MsgspecError, ValueError) as error:
            raise Malformed(
                "is not a cursor of this list: send the `next_cursor` of the page before", field="cursor"
            ) from error
        if not given or not set(given) <= set(cells):
            raise Malformed("is not a cursor of this list: send the `next_cursor` of the page before", field="cursor")
        return cls(given)

    def __str__(self) -> str:
        """The cursor's text."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self.by_cell)).decode()


def merged(pages: Mapping[str, Mapping[str, Any]], places: Places, fields: Sequence[str], limit: int) -> dict[str, Any]:
    """The first `limit` items of several cells' pages, in order, and the cursor behind them.

    pages: of the cells that have not ended. fields: what pages are ordered by (registry: `merged`).
    """
    waiting = {cell: list(reversed(page["items"])) for cell, page in pages.items()}
    shown: list[Any] = []
    last: dict[str, Any] = {}
    while len(shown) < limit and (heads := {cell: left[-1] for cell, left in waiting.items() if left}):
        cell = min(heads, key=lambda each: _before(heads[each], fields))
        last[cell] = waiting[cell].pop()
        shown.append(last[cell])
    behind = {cell: _place(last[cell], fields) if cell in last else places.by_cell[cell] for cell in pages}
    ahead = {cell: behind[cell] for cell, page in pages.items() if waiting[cell] or page["next_cursor"] is not None}
    return {"items": shown, "next_cursor": str(Places(ahead)) if ahead else None}


def _before(item: Mapping[str, Any], fields: Sequence[str]) -> tuple[Any, ...]:
    """What items sort by: the last field is an id, the newest first, and those before it ascend."""
    *first, last = (item[name] for name in fields)
    ulid, text = ids.age_of(last)
    return (*first, _descending(ulid), _descending(text))


def _descending(text: str) -> tuple[int, ...]:
    """What sorts against the order of texts; a longer one comes before its beginning."""
    return (*(-ord(each) for each in text), 1)


def _place(item: Mapping[str, Any], fields: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(" ".join(item[name] for name in fields).encode()).decode()


def united(answers: Mapping[str, Mapping[str, list[Any]]], unreachable: Sequence[str]) -> dict[str, list[Any]]:
    """Lists of several cells as one answer: names once, in order, and everything else as it came.

    unreachable: the cells that did not answer, which are `unchecked`. What one cell did not check is not `checked`.
    """
    found: dict[str, list[Any]] = {}
    for answer in answers.values():
        for name, listed in answer.items():
            found.setdefault(name, []).extend(listed)
    found["unchecked"] = [*found.get("unchecked", ()), *(f"cell {cell}" for cell in unreachable)]
    partly = set(found["unchecked"])
    found["checked"] = [name for name in found.get("checked", ()) if name not in partly]
    return {
        name: sorted(set(listed)) if all(isinstance(each, str) for each in listed) else listed
        for name, listed in found.items()
    }
