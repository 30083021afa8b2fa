"""Proves that a projection says what its events say: it is made anew beside the live one, and compared row by row.

What is made of a service's own events is compared with all of them; what is made of other services' events, with those
that its consumer has applied, as its inbox says in the same picture of the data. A page of streams is rebuilt into a
temporary table of the projection's own name, by the very code that writes the live one. Both are seen in one picture of
the data, so that writes may go on meanwhile; nothing of it is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from shared.adapters.postgres import Database, Transaction
from shared.adapters.rehearsal import rehearsal
from shared.contracts.events import StoredEvent
from shared.outbox.log import READ_AT_MOST, SQL
from shared.registry import Row, load

PAGE: Final = 500
"""How many streams are rebuilt in one transaction."""


class Queries(Protocol):
    """The projection's queries, of its service's sql/projections.sql."""

    def shadow(self, transaction: Transaction) -> int:
        """Make a temporary table of the projection's name and shape."""

    def compare(self, transaction: Transaction, *, after: str, until: str | None) -> list[dict[str, Any]]:
        """The rows of a range of streams that differ, as (subject, live, rebuilt)."""


class Streams(Protocol):
    """The streams that a projection is made of."""

    def page(self, transaction: Transaction, after: str, most: int) -> Sequence[str]:
        """Some of them, in order, beyond one that was seen."""

    def history(self, transaction: Transaction, stream: str) -> Sequence[StoredEvent]:
        """The events of one, oldest first, as far as the projection has come. Raises Unavailable."""


class Projection(Protocol):
    """Something that is made of events, and can be made anew."""

    @property
    def name(self) -> str:
        """What it is called."""

    def verify(self, database: Database) -> "Verified":
        """Make it anew beside the live one, and compare. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is made of the events of streams.

    project: writes the rows that the events of one stream make, as the service does.
    """

    name: str
    streams: Streams
    queries: Queries
    project: Callable[[Transaction, Sequence[StoredEvent]], None]

    def verify(self, database: Database) -> "Verified":
        return verify(database, self)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its events make of it; either may be missing."""

    subject: str
    live: dict[str, Any] | None
    rebuilt: dict[str, Any] | None

    def __str__(self) -> str:
        live, rebuilt = self.live or {}, self.rebuilt or {}
        named = [name for name in live.keys() | rebuilt.keys() if live.get(name) != rebuilt.get(name)]
        return f"{self.subject}: {', '.join(sorted(named))}"


@dataclass(frozen=True, slots=True)
class Verified:
    """How many streams were rebuilt, and which rows differ."""

    streams: int
    differences: list[Difference]


def verify(database: Database, table: Table) -> Verified:
    """Rebuild all of a table and compare it with the live one. Raises Unavailable."""
    streams, after, differences = 0, "", []
    while True:
        with rehearsal(database) as transaction:
            table.queries.shadow(transaction)
            names = table.streams.page(transaction, after, PAGE)
            for name in names:
                table.project(transaction, table.streams.history(transaction, name))
            until = names[-1] if len(names) == PAGE else None
            rows = table.queries.compare(transaction, after=after, until=until)
        streams += len(names)
        differences += [Difference(row["subject"], row["live"], row["rebuilt"]) for row in rows]
        if until is None:
            return Verified(streams, differences)
        after = until


@dataclass(frozen=True, slots=True)
class OwnStreams:
    """The streams of one kind in the service's own store. prefix: how their ids begin."""

    prefix: str

    def page(self, transaction: Transaction, after: str, most: int) -> Sequence[str]:
        rows = SQL.page_streams(transaction, prefix=f"{self.prefix}\\_%", after=after, most=most)
        return [row["stream"] for row in rows]

    def history(self, transaction: Transaction, stream: str) -> Sequence[StoredEvent]:
        return whole(
            lambda version: [
                StoredEvent(**row)
                for row in SQL.read_stream(transaction, stream_id=stream, from_version=version, most=READ_AT_MOST)
            ]
        )


class ConsumedStreams:
    """The streams that a consumer follows in the stores of other services, as far as it has applied them."""

    def __init__(self, row: Row, read: Callable[[str, str, int], list[StoredEvent]]) -> None:
        """read: (event type, stream, from version) -> the stream's events, from the service that owns the type."""
        self._consumer = row.name
        self._read = read
        self._types = [load().topics[topic].types[0] for topic in load().topics_of(row)]
        self._found: dict[str, str] = {}

    def page(self, transaction: Transaction, after: str, most: int) -> Sequence[str]:
        rows = SQL.page_consumed(transaction, consumer=self._consumer, after=after, most=most)
        return [row["stream"] for row in rows]

    def history(self, transaction: Transaction, stream: str) -> Sequence[StoredEvent]:
        """Which service has a stream is not said by its name; that of the last one of its kind is asked first."""
        applied = SQL.find_applied(transaction, consumer=self._consumer, stream_id=stream) or 0
        kind = stream.partition("_")[0]
        for event_type in sorted(self._types, key=lambda each: each != self._found.get(kind)):
            events = whole(partial(self._read, event_type, stream))
            if events:
                self._found[kind] = event_type
                return [event for event in events if event.version <= applied]
        return []


def whole(read: Callable[[int], Sequence[StoredEvent]]) -> list[StoredEvent]:
    """All of a stream that is read in parts. read: what there is from a version on, at most READ_AT_MOST at once."""
    found: list[StoredEvent] = []
    while True:
        more = read(found[-1].version + 1 if found else 1)
        found += more
        if len(more) < READ_AT_MOST:
            return found
