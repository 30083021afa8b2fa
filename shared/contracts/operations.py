"""The vocabulary of operations: who calls, what a request and a page are. Operations know no transport beyond this."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

import msgspec

from shared import ids
from shared.contracts.encode import to_json
from shared.errors import Malformed, Stale

T = TypeVar("T")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*(?!\n)$"
"""The pattern of a text without control characters; Python's `$` alone would let a line feed end it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user."""

    user_id: str
    session_id: str
    scopes: frozenset[str]

    @property
    def operator(self) -> bool:
        """Whether this user may see what belongs to others."""
        return "operator" in self.scopes


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What an HTTP operation is asked: path parameters, query and body in one; unknown fields are refused."""


class View(msgspec.Struct):
    """What an HTTP operation answers."""


class Resource(View, dict=True):
    """A view of one thing with a state of its own: its answer carries an ETag, and reads of it answer If-None-Match."""

    def tag(self) -> str:
        """What its ETag says, without the quotes: its version, or a digest of its content where it shows none."""
        version = getattr(self, "version", None)
        return str(version) if version is not None else hashlib.sha256(to_json(self)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Match:
    """Which version of a thing a caller means to change, by their If-Match (RFC 9110, 13.1.1)."""

    tags: frozenset[str] | None
    """The tags that they named, without weak ones, which never match; None for `*`, which any version is."""

    def check(self, version: int) -> None:
        """Raises Stale when the thing is in none of these versions; what a tag says behind a dash does not count."""
        if self.tags is not None and str(version) not in {tag.partition("-")[0] for tag in self.tags}:
            raise Stale


PageLimit = Annotated[int, msgspec.Meta(ge=1, le=100)]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Time = Annotated[datetime, msgspec.Meta(tz=True)]
Address = Annotated[
    str,
    msgspec.Meta(
        description="An Ethereum address in lower case, in upper case, or in its EIP-55 form.",
        examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"],
        extra_json_schema={"pattern": "^0x[0-9a-fA-F]{40}$"},
    ),
]
"""An address as it is documented; what it is asked of decides whether it is one, and says what is wrong with it."""


def past(at: datetime | None, now: datetime) -> datetime | None:
    """A past time that a caller asks about; any before the epoch is that, since nothing is older.

    Raises Malformed for a future one.
    """
    if at is None:
        return None
    if at > now:
        raise Malformed("a past time", field="at")
    return max(at, EPOCH)


class PageRequest(Request):
    """A request for a list: how many, and from where on."""

    limit: PageLimit = 20
    cursor: str | None = None

    def after(self, prefix: str) -> str | None:
        """The id after which the page begins; None for the first page. Raises Malformed for a cursor not of ours."""
        last = self.last()
        if last is not None and not ids.valid(last, prefix):
            raise Malformed("not a cursor of this list", field="cursor")
        return last

    def last(self) -> str | None:
        """The text that the page before ended with; None for the first page. Raises Malformed for no printable text."""
        if self.cursor is None:
            return None
        try:
            last = base64.b64decode(self.cursor, altchars=b"-_", validate=True).decode("ascii")
        except ValueError as error:
            raise Malformed("not a cursor of this list", field="cursor") from error
        if not last.isprintable():
            raise Malformed("not a cursor of this list", field="cursor")
        return last


class Page(msgspec.Struct, Generic[T]):
    """Some of a list, and where the rest begins."""

    items: list[T]
    next_cursor: str | None = None


def page(items: list[T], limit: int, last_id: str) -> Page[T]:
    """A page of at most `limit` items, of one more that was asked for so as to know whether more follow.

    last_id: the name of the attribute that holds an item's id.
    """
    shown = items[:limit]
    more = len(items) > limit
    cursor = base64.urlsafe_b64encode(getattr(shown[-1], last_id).encode()).decode() if more else None
    return Page(items=shown, next_cursor=cursor)


@dataclass(frozen=True, slots=True)
class Repeated(Generic[T]):
    """What there was already: answered 200 where making it anew would be 201."""

    view: T
