"""Ids: `<prefix>_<cell>_<ulid>`. They sort by creation and carry the home cell of what they name."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ulid import ULID

PREFIXES: Final = {
    "usr": "user", "ses": "session", "wal": "wallet", "hld": "hold", "trf": "transfer", "ent": "entry",
    "sup": "supply", "rsv": "reservation", "ord": "order", "itm": "order item", "clm": "claim", "evt": "event",
    "qte": "quote", "dep": "deposit", "wdr": "withdrawal", "col": "collection",
    "whk": "webhook", "dlv": "delivery",
}  # fmt: skip

COUNT_BITS: Final = 80
"""What a ULID has beside its time."""

_CELL: Final = "[a-z]{2}"
_ULID: Final = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_PATTERN: Final = re.compile(f"([a-z]{{3}})_({_CELL})_({_ULID})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Id:
    """An id, taken apart."""

    prefix: str
    cell: str
    ulid: str

    def __str__(self) -> str:
        return f"{self.prefix}_{self.cell}_{self.ulid}"


def new(prefix: str, cell: str) -> str:
    """A fresh id of a thing whose home is `cell`."""
    return f"{prefix}_{cell}_{str(ULID()).lower()}"


def counted(prefix: str, cell: str, at: datetime, count: int) -> str:
    """The id of what has a number of its own, below 2^80, and was made at a time; `count` finds the number again."""
    ulid = ULID.from_int((int(at.timestamp() * 1000) << COUNT_BITS) | count)
    return f"{prefix}_{cell}_{str(ulid).lower()}"


def count(text: str) -> int:
    """The number that `counted` made an id of; of any other id, some number below 2^80."""
    return number(text) & ((1 << COUNT_BITS) - 1)


def parse(text: str, prefix: str) -> Id:
    """Take an id apart. Raises ValueError when it is not an id of that prefix."""
    match = _PATTERN.fullmatch(text)
    if match is None or match[1] != prefix:
        raise ValueError(f"not the id of a {PREFIXES[prefix]}")
    return Id(*match.groups())


def valid(text: str, prefix: str) -> bool:
    """Whether this is the id of a thing of that kind, in whatever cell."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] == prefix


def known(text: str) -> bool:
    """Whether this is an id of ours, of whatever kind."""
    match = _PATTERN.fullmatch(text)
    return match is not None and match[1] in PREFIXES


def pattern(prefix: str) -> str:
    """A regular expression for ids of that kind, for documents."""
    return f"^{prefix}_{_CELL}_{_ULID}$"


def sibling(text: str, prefix: str) -> str:
    """The id of the one thing of another kind that belongs to this one: an order's hold, an item's reservation.

    A command between services carries its id (order, line, step) this way: it needs no look-up and is the same on
    every try.
    """
    _, cell, ulid = text.split("_")
    return f"{prefix}_{cell}_{ulid}"


def number(text: str) -> int:
    """The 128-bit number inside an id, for places that need one (the nonce of a claim)."""
    return int(ULID.from_str(text.rsplit("_", 1)[1].upper()))
