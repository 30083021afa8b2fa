"""The base types of operations: callers, requests, views, pages. Operations know nothing else of transports."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Final, Generic, TypeVar

import msgspec

from shared import ids
from shared.contracts.encode import to_json
from shared.errors import Malformed, Stale

T = TypeVar("T")

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ONE_LINE: Final = r"^[^\x00-\x1f\x7f]*(?!\n)$"
"""The pattern of a text without control characters; Python's `$` alone would allow a trailing line feed."""


class Caller(msgspec.Struct, frozen=True):
    """A signed-in user."""

    user_id: str
    session_id: str
    scopes: frozenset[str]

    @property
    def operator(self) -> bool:
        """Whether this user is an operator, who may see other users' data."""
        return "operator" in self.scopes


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """An HTTP operation's input: path parameters, query and body in one; unknown fields are refused."""

    in_example: ClassVar[frozenset[str]] = frozenset()
    """The optional fields that the documented example of its body has: those that many send, and that need nothing."""


class View(msgspec.Struct):
    """An HTTP operation's output."""


class Resource(View, dict=True):
    """A view of one entity: its responses have an ETag, and reads support If-None-Match."""

    def tag(self) -> str:
        """Its ETag without the quotes: its version, or a digest of its content if it has none."""
        version = getattr(self, "version", None)
        return str(version) if version is not None else hashlib.sha256(to_json(self)).hexdigest()[:32]


class File(msgspec.Struct, frozen=True):
    """A text file as an operation's result: its responses have an ETag, and reads support If-None-Match."""

    text: str
    media: str
    """Its media type, in place of that of the row."""

    def tag(self) -> str:
        """Its ETag without the quotes: a digest of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]


class Match(msgspec.Struct, frozen=True):
    """The versions that a caller accepts for a change, from If-Match (RFC 9110, 13.1.1)."""

    tags: frozenset[str] | None
    """The tags, without weak ones, which never match; None for `*`, which matches any version."""

    def check(self, version: int) -> None:
        """Raise Stale unless the version matches one of the tags; a tag's part after a dash is ignored."""
        if self.tags is not None and str(version) not in {tag.partition("-")[0] for tag in self.tags}:
            raise Stale


PageLimit = Annotated[int, msgspec.Meta(ge=1, le=100, examples=[20])]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=10**9, examples=[10])]
Time = Annotated[datetime, msgspec.Meta(tz=True, description="A time in RFC 3339.", examples=["2026-11-30T09:30:00Z"])]
Cursor = Annotated[str, msgspec.Meta(examples=["b3JkX3VzXzAxa2I5cDJ0NmM0djh4MW01bjdxM3Iwczl3"])]
Address = Annotated[
    str,
    msgspec.Meta(
        description="An Ethereum address in lower case, in upper case, or in its EIP-55 form.",
        examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        extra_json_schema={"pattern": "^0x[0-9a-fA-F]{40}$"},
    ),
]
"""An address for documentation only; the operation itself validates it, with a specific error."""


def past(at: datetime | None, now: datetime) -> datetime | None:
    """Validate a past time in a request; times before the epoch become the epoch, since nothing is older.

    Raises Malformed for a future time.
    """
    if at is None:
        return None
    if at > now:
        raise Malformed("must be a past time", field="at")
    return max(at, EPOCH)


class PageRequest(Request):
    """A request for a page of a list: the page size, and the cursor."""

    limit: PageLimit = 20
    """How many items a page has at most."""

    cursor: Cursor | None = None
    """The `next_cursor` of the page before; the first page without one."""

    def after(self, prefix: str) -> str | None:
        """The id after which the page begins; None for the first page. Raises Malformed for an invalid cursor."""
        last = self.last()
        if last is not None and not ids.valid(last, prefix):
            raise Malformed("is not a cursor of this list: send the `next_cursor` of the page before", field="cursor")
        return last

    def last(self) -> str | None:
        """The decoded cursor; None for the first page. Raises Malformed if it is not printable text."""
        if self.cursor is None:
            return None
        try:
            last = base64.b64decode(self.cursor, altchars=b"-_", validate=True).decode("ascii")
        except ValueError as error:
            raise Malformed(
                "is not a cursor of this list: send the `next_cursor` of the page before", field="cursor"
            ) from error
        if not last.isprintable():
            raise Malformed("is not a cursor of this list: send the `next_cursor` of the page before", field="cursor")
        return last


class Page(msgspec.Struct, Generic[T]):
    """Some of a list, and where the rest begins."""

    items: list[T]
    """The items of this page, the newest first unless the operation says otherwise."""

    next_cursor: Cursor | None = None
    """The `cursor` of the next page; null on the last one."""


def page(items: list[T], limit: int, last_id: str) -> Page[T]:
    """A page of at most `limit` items; `items` has one more if there is a next page.

    last_id: the name of the attribute that holds an item's id.
    """
    shown = items[:limit]
    more = len(items) > limit
    cursor = base64.urlsafe_b64encode(getattr(shown[-1], last_id).encode()).decode() if more else None
    return Page(items=shown, next_cursor=cursor)


class Repeated(msgspec.Struct, Generic[T], frozen=True):
    """A result that existed already: answered 200 where creating it would be 201."""

    view: T
