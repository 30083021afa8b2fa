"""Ids: `<prefix>_<cell>_<ulid>`. They contain their entity's home cell, and a ULID, which sorts by creation time.

Ids of one kind and cell sort by creation as they are; of several cells `age_of` does, since the cell precedes the ULID.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from ulid import ULID

PREFIXES: Final = {
    "usr": "user", "ses": "session", "wal": "wallet", "hld": "hold", "trf": "transfer", "ent": "entry",
    "sup": "supply", "rsv": "reservation", "ord": "order", "itm": "order item", "clm": "claim", "evt": "event",
    "qte": "quote", "dep": "deposit", "wdr": "withdrawal", "col": "collection",
    "whk": "webhook", "dlv": "delivery",
}  # fmt: skip

COUNT_BITS: Final = 80
"""The random bits of a ULID."""

CELL: Final = "[a-z]{2}(?:[1-9][0-9]{0,2})?"
"""The pattern of a cell's name: `us`, and `us2` for a second cell of the same region."""

ULID_LENGTH: Final = 26
ULID_PATTERN: Final = "[0-7][0-9a-hjkmnp-tv-z]{25}"

_PATTERN: Final = re.compile(f"([a-z]{{3}})_({CELL})_({ULID_PATTERN})", re.ASCII)

BETWEEN: Final = f"[a-z]{{3}}_{CELL}_{CELL}(?:_[a-z]{{3}}_{CELL}_{ULID_PATTERN})?"
"""The pattern of a stream between two cells, see `between`; no id of an entity matches it."""

_BETWEEN: Final = re.compile(f"[a-z]{{3}}_({CELL})_({CELL})(?:_[a-z]{{3}}_{CELL}_{ULID_PATTERN})?", re.ASCII)


class Id(NamedTuple):
    """A parsed id."""

    prefix: str
    cell: str
    ulid: str

    def __str__(self) -> str:
        return f"{self.prefix}_{self.cell}_{self.ulid}"


def new(prefix: str, cell: str) -> str:
    """A new id whose home is `cell`."""
    return f"{prefix}_{cell}_{str(ULID()).lower()}"


def counted(prefix: str, cell: str, at: datetime, count: int) -> str:
    """The id for an entity with a number of its own, below 2^80, and a creation time; `count` recovers the number."""
    ulid = ULID.from_int((int(at.timestamp() * 1000) << COUNT_BITS) | count)
    return f"{prefix}_{cell}_{str(ulid).lower()}"


def count(text: str) -> int:
    """The number that `counted` put into an id; for any other id, some number below 2^80."""
    return number(text) & ((1 << COUNT_BITS) - 1)


def parse(text: str, prefix: str) -> Id:
    """Parse an id. Raises ValueError if it is not an id with that prefix."""
    match = _PATTERN.fullmatch(text)
    if match is None or match[1] != prefix:
        raise ValueError(f"not the id of a {PREFIXES[prefix]}")
    return Id(*match.groups())


def valid(text: str, prefix: str) -> bool:
    """Whether this is an id with that prefix, in any cell."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] == prefix


def known(text: str) -> bool:
    """Whether this is an id with any known prefix."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] in PREFIXES


def pattern(prefix: str) -> str:
    """A regular expression for ids with that prefix, for documentation."""
    return f"^{prefix}_{CELL}_{ULID_PATTERN}$"


def cell_of(text: str) -> str | None:
    """The cell in an id with any known prefix; None if this is no such id."""
    match = _PATTERN.fullmatch(text)
    return match[2] if match is not None and match[1] in PREFIXES else None


def between(prefix: str, giver: str, receiver: str, subject: str = "") -> str:
    """The id of a stream between two cells: `<prefix>_<giver>_<receiver>`, or `<prefix>_<giver>_<receiver>_<subject>`.

    It is in the giver's store, and its events are for the receiver alone. prefix: three letters. subject: the id of
    what it is about, if there is one stream for each.
    """
    return "_".join(filter(None, (prefix, giver, receiver, subject)))


def receiver_of(stream: str) -> str | None:
    """The one cell that the events of a stream between two cells are for; None for any other stream."""
    match = _BETWEEN.fullmatch(stream)
    return match[2] if match is not None else None


def source_of(stream: str) -> str | None:
    """The cell whose store has a stream: the giver of one between two cells, the home of an entity's.

    None for what is no stream of either kind.
    """
    between_cells, of_one = _BETWEEN.fullmatch(stream), _PATTERN.fullmatch(stream)
    return between_cells[1] if between_cells is not None else of_one[2] if of_one is not None else None


def age_of(text: str) -> tuple[str, str]:
    """What ids sort by in a list that may hold those of several cells: the ULID, and then the whole id.

    In SQL: `right(id, 26), id`.
    """
    return text[-ULID_LENGTH:], text


def sibling(text: str, prefix: str) -> str:
    """The id of the one related entity of another type: an order's hold, an item's reservation.

    It makes commands between services idempotent: the id needs no look-up and is the same on every retry.
    """
    _, cell, ulid = text.split("_")
    return f"{prefix}_{cell}_{ulid}"


def created_at(text: str) -> datetime:
    """When an id was made, to the millisecond: the time in its ULID."""
    return datetime.fromtimestamp((number(text) >> COUNT_BITS) / 1000, UTC)


def number(text: str) -> int:
    """The 128-bit number of an id's ULID, where a number is needed (the nonce of a claim)."""
    return int(ULID.from_str(text.rsplit("_", 1)[1].upper()))
