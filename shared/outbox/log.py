"""Appends facts in the caller's transaction, and reads streams back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from shared import ids
from shared.adapters.postgres import Transaction
from shared.adapters.queries import queries
from shared.adapters.verdicts import UniqueViolation
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.errors import Contended
from shared.telemetry.context import trail

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")
READ_AT_MOST: Final = 500


class Fact(Protocol):
    """A domain event: a dataclass whose fields are those of its contract."""

    type: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which streams are asked for: those that were added to beyond a position.

    until: nothing beyond that position; all there is if None. types: only their events; all if empty.
    since, before: only what was recorded since, and before.
    """

    after: int = 0
    until: int | None = None
    types: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Streams as (stream, type, version), the position that they reach to, and whether there are more beyond.

    last: the last position that was given out, also to transactions that are still open.
    """

    streams: Sequence[tuple[str, str, int]]
    position: int
    more: bool
    last: int


class EventLog:
    """The events of a service, as one transaction sees them."""

    def __init__(self, transaction: Transaction, cell: str, now: datetime) -> None:
        self._transaction = transaction
        self._cell = cell
        self._now = now

    def append(self, stream: str, after: int, facts: Iterable[Fact]) -> int:
        """Record facts of one stream that follow version `after`; returns the last version.

        Raises Contended when another writer was first; the transaction can then only be rolled back.
        """
        numbered = [(stream, version, fact) for version, fact in enumerate(facts, after + 1)]
        self.append_all(numbered)
        return after + len(numbered)

    def append_all(self, facts: Iterable[tuple[str, int, Fact]]) -> None:
        """Record facts of many streams, each as (stream, version, fact), in one statement. Raises Contended."""
        events = self.rows(facts)
        if not events:
            return
        try:
            SQL.append_events(self._transaction, events=to_json(events).decode())
        except UniqueViolation as error:
            raise Contended from error

    def rows(self, facts: Iterable[tuple[str, int, Fact]]) -> list[dict[str, Any]]:
        """Facts as rows of the event store, for a statement that records them together with what they tell of."""
        followed = trail()
        metadata = {"request_id": followed.request_id, "traceparent": followed.traceparent}
        events = [
            {
                "stream": stream,
                "version": version,
                "id": ids.new("evt", self._cell),
                "type": fact.type,
                "data": fact,
                "metadata": metadata,
                "at": self._now,
            }
            for stream, version, fact in facts
        ]
        self._transaction.appended |= bool(events)
        return events

    def read(self, stream: str, from_version: int = 1, most: int = READ_AT_MOST) -> list[StoredEvent]:
        """Events of a stream from a version on, oldest first."""
        rows = SQL.read_stream(self._transaction, stream_id=stream, from_version=from_version, most=most)
        return [StoredEvent(**row) for row in rows]

    def streams(self, wanted: Wanted) -> Listed:
        """A page of the streams that were added to, in that order.

        What commits late at an earlier position is not found. `last` is read first: it is no newer than what is shown.
        """
        last = int(SQL.last_position(self._transaction))
        end = last if wanted.until is None else wanted.until
        until = min(wanted.after + READ_AT_MOST, max(end, wanted.after))
        rows = SQL.list_streams(
            self._transaction,
            after=wanted.after,
            until=until,
            since=wanted.since,
            before=wanted.before,
            only=list(wanted.types),
        )
        return Listed([(row["stream"], row["type"], row["version"]) for row in rows], until, until < end, last)
