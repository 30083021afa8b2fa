"""The event store in PostgreSQL: appends events in the caller's transaction, and reads streams."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import msgspec

from shared import ids
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.postgres.database import Transaction
from shared.postgres.queries import queries
from shared.registry import load
from shared.telemetry.context import TraceContext, context_of

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")
READ_AT_MOST: Final = 500
NO_TRACES: Final[Mapping[str, TraceContext]] = {}


class Fact(Protocol):
    """A domain event: a struct whose fields are those of its contract."""

    type: ClassVar[str]


class StreamPart(msgspec.Struct, frozen=True):
    """Events of a stream from a version on, and the version through which there are no others of the wanted types."""

    events: Sequence[StoredEvent]
    through: int


class StreamQuery(msgspec.Struct, frozen=True):
    """A query for streams with events beyond a position.

    until: the last position to include; no limit if None. types: only events of these types; all if empty.
    since, before: only events recorded in this period.
    receiver_field, receiver: only events whose data names this cell by the id in that field, or none; all if empty.
    """

    after: int = 0
    until: int | None = None
    types: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    receiver_field: str = ""
    receiver: str = ""


class StreamPage(msgspec.Struct, frozen=True):
    """A page of streams as (stream, type, version), the position that it reaches, and whether there is more.

    last: the last assigned position, including those of transactions that are still open.
    """

    streams: Sequence[tuple[str, str, int]]
    position: int
    more: bool
    last: int


def _metadata(trace: TraceContext) -> dict[str, str]:
    return {"request_id": trace.request_id, "traceparent": trace.traceparent}


@cache
def kept_types() -> frozenset[str]:
    """The event types that stay in the store, and wake no relay: their outbox's trigger passes over them."""
    return frozenset(event_type for topic in load().topics.values() for event_type in topic.kept)


class EventLog:
    """A service's event store, as one transaction sees it."""

    def __init__(self, transaction: Transaction, cell: str, now: datetime) -> None:
        self._transaction = transaction
        self._cell = cell
        self._now = now

    def append(self, stream: str, after: int, facts: Iterable[Fact]) -> int:
        """Append events to a stream whose last version is `after`; returns the new last version.

        It goes with the transaction's next statement or its commit, which raises Contended if another writer was first.
        """
        numbered = [(stream, version, fact) for version, fact in enumerate(facts, after + 1)]
        self.append_all(numbered)
        return after + len(numbered)

    def append_all(
        self, facts: Iterable[tuple[str, int, Fact]], traces: Mapping[str, TraceContext] = NO_TRACES
    ) -> None:
        """Append events of many streams, each as (stream, version, fact), in one statement.

        It goes with the transaction's next statement or its commit, which raises Contended if another writer was first.
        traces: by stream, the trace that its events carry, if not that of the request that it is of.
        """
        events = self.rows(facts, traces)
        if not events:
            return
        SQL.append_events(self._transaction.later, events=to_json(events).decode())

    def rows(
        self, facts: Iterable[tuple[str, int, Fact]], traces: Mapping[str, TraceContext] = NO_TRACES
    ) -> list[dict[str, Any]]:
        """Events as rows of the event store, for a statement that inserts them together with the state change."""
        events = [
            {
                "stream": stream,
                "version": version,
                "id": ids.new("evt", self._cell),
                "type": fact.type,
                "data": fact,
                "metadata": _metadata(traces.get(stream) or context_of(stream)),
                "at": self._now,
            }
            for stream, version, fact in facts
        ]
        self._transaction.appended |= any(each["type"] not in kept_types() for each in events)
        return events

    def read(self, stream: str, from_version: int = 1, most: int = READ_AT_MOST) -> list[StoredEvent]:
        """Events of a stream from a version on, oldest first."""
        rows = SQL.read_stream(self._transaction, stream_id=stream, from_version=from_version, most=most)
        return [StoredEvent(**row) for row in rows]

    def read_all(self, streams: Sequence[str]) -> dict[str, list[StoredEvent]]:
        """All events of short streams, oldest first, by stream; a stream without events is left out."""
        found: dict[str, list[StoredEvent]] = {}
        for row in SQL.read_streams(self._transaction, streams=list(streams)) if streams else ():
            found.setdefault(row["stream"], []).append(StoredEvent(**row))
        return found

    def read_types(self, stream: str, from_version: int, types: Sequence[str], most: int = READ_AT_MOST) -> StreamPart:
        """Events of a stream from a version on, of some types or, if empty, all; oldest first, at most so many."""
        rows = SQL.read_types(
            self._transaction, stream_id=stream, from_version=from_version, only=list(types), most=most
        )
        last = max((row.pop("last") or 0 for row in rows), default=0)
        events = [StoredEvent(**row) for row in rows if row["id"]]
        return StreamPart(events, events[-1].version if len(events) == most else last)

    def streams(self, query: StreamQuery) -> StreamPage:
        """A page of streams with new events, in position order.

        Transactions that commit later at an earlier position are missed. `last` is read first, so it is never newer
        than the page.
        """
        last = int(SQL.last_position(self._transaction))
        end = last if query.until is None else query.until
        until = min(query.after + READ_AT_MOST, max(end, query.after))
        rows = SQL.list_streams(
            self._transaction,
            after=query.after,
            until=until,
            since=query.since,
            before=query.before,
            only=list(query.types),
            receiver_field=query.receiver_field,
            receiver=query.receiver,
        )
        return StreamPage([(row["stream"], row["type"], row["version"]) for row in rows], until, until < end, last)
