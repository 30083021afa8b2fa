"""Verifies that a projection matches its events: rebuilds it beside the live one, and compares row by row.

A projection of the service's own events is compared with all of them; one of other services' events with those that
its consumer has applied, according to its inbox in the same snapshot. A page of streams is rebuilt into a temporary
table of the projection's own name, by the same code that writes the live one. Everything is read in one snapshot, so
writes may go on meanwhile, and everything is rolled back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from shared.contracts.events import StoredEvent
from shared.outbox.inbox import Read
from shared.outbox.log import READ_AT_MOST, SQL
from shared.postgres.database import Database, Transaction
from shared.postgres.dry_run import dry_run_transaction
from shared.registry import Row, load

PAGE: Final = 500
"""How many streams are rebuilt in one transaction."""


class ProjectionQueries(Protocol):
    """The projection's queries, from its service's sql/projections.sql."""

    def shadow(self, transaction: Transaction) -> int:
        """Create a temporary table with the projection's name and columns."""

    def compare(self, transaction: Transaction, *, after: str, until: str | None) -> list[dict[str, Any]]:
        """The differing rows in a range of streams, as (subject, live, rebuilt)."""


class ProjectionStreams(Protocol):
    """The streams that a projection is built from."""

    def page(self, transaction: Transaction, after: str, most: int) -> Sequence[str]:
        """A page of them, in order, after a given one."""

    def history(self, transaction: Transaction, stream: str) -> Sequence[StoredEvent]:
        """The events of one that the projection has applied, oldest first. Raises Unavailable."""


class Projection(Protocol):
    """Something that is built from events and can be rebuilt."""

    @property
    def name(self) -> str:
        """Its name."""

    def verify(self, database: Database) -> "VerificationReport":
        """Rebuild it beside the live one, and compare. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class ProjectionTable:
    """A table that is built from the events of streams.

    project: writes the rows for one stream's events, as the service does.
    """

    name: str
    streams: ProjectionStreams
    queries: ProjectionQueries
    project: Callable[[Transaction, Sequence[StoredEvent]], None]

    def verify(self, database: Database) -> "VerificationReport":
        return verify(database, self)


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row that differs from its rebuilt version; either may be missing."""

    subject: str
    live: dict[str, Any] | None
    rebuilt: dict[str, Any] | None

    def __str__(self) -> str:
        live, rebuilt = self.live or {}, self.rebuilt or {}
        named = [name for name in live.keys() | rebuilt.keys() if live.get(name) != rebuilt.get(name)]
        return f"{self.subject}: {', '.join(sorted(named))}"


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """How many streams were rebuilt, and which rows differ."""

    streams: int
    differences: list[RowDifference]


def verify(database: Database, table: ProjectionTable) -> VerificationReport:
    """Rebuild a whole table and compare it with the live one. Raises Unavailable."""
    streams, after, differences = 0, "", []
    while True:
        with dry_run_transaction(database) as transaction:
            table.queries.shadow(transaction)
            names = table.streams.page(transaction, after, PAGE)
            for name in names:
                table.project(transaction, table.streams.history(transaction, name))
            until = names[-1] if len(names) == PAGE else None
            rows = table.queries.compare(transaction, after=after, until=until)
        streams += len(names)
        differences += [RowDifference(row["subject"], row["live"], row["rebuilt"]) for row in rows]
        if until is None:
            return VerificationReport(streams, differences)
        after = until


@dataclass(frozen=True, slots=True)
class OwnStreams:
    """The streams of one entity type in the service's own store. prefix: that of their ids."""

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
    """The streams of other services that a consumer follows, as far as it has applied them."""

    def __init__(self, row: Row, read: Read) -> None:
        """read: as of shared.outbox.source.Sources."""
        self._consumer = row.name
        self._handled = row.event or ()
        self._read = read
        self._types = [load().topics[topic].types[0] for topic in load().topics_of(row)]
        self._found: dict[str, str] = {}

    def page(self, transaction: Transaction, after: str, most: int) -> Sequence[str]:
        rows = SQL.page_consumed(transaction, consumer=self._consumer, after=after, most=most)
        return [row["stream"] for row in rows]

    def history(self, transaction: Transaction, stream: str) -> Sequence[StoredEvent]:
        """A stream's id does not name its owner; the owner of the last stream with the same prefix is tried first."""
        applied = SQL.find_applied(transaction, consumer=self._consumer, stream_id=stream) or 0
        kind = stream.partition("_")[0]
        for event_type in sorted(self._types, key=lambda each: each != self._found.get(kind)):
            events = whole(partial(self._events, event_type, stream))
            if events:
                self._found[kind] = event_type
                return [event for event in events if event.version <= applied]
        return []

    def _events(self, event_type: str, stream: str, from_version: int) -> Sequence[StoredEvent]:
        return self._read(event_type, stream, from_version, self._handled).events


def whole(read: Callable[[int], Sequence[StoredEvent]]) -> list[StoredEvent]:
    """A whole stream, read in pages. read: its events from a version on, at most READ_AT_MOST."""
    found: list[StoredEvent] = []
    while True:
        more = read(found[-1].version + 1 if found else 1)
        found += more
        if len(more) < READ_AT_MOST:
            return found
