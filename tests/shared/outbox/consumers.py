"""A consumer whose effects are counted and can be made to fail, and sources of its streams."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest

from shared.clock import Clock
from shared.contracts.events import Event, StoredEvent
from shared.errors import Unavailable
from shared.outbox.batch import BatchInbox
from shared.outbox.inbox import Read
from shared.outbox.log import StreamPart
from shared.postgres.database import Database, Transaction
from shared.registry import Row
from shared.telemetry.context import trace_context
from tests.shared.outbox.sample_events import TYPE, stream

ADD = "insert into effects (consumer, stream, version) values (:consumer, :name, :version)"
COUNT = "select count(*) as n from effects where consumer = :consumer"
APPLIED = "select version from effects where consumer = :consumer and stream = :name order by position"


class Consumer:
    """An inbox whose effects are rows of a table with a unique key per event."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        attempts: int = 10,
        name: str = "",
        types: Sequence[str] = (TYPE,),
        cells: Literal["own", "others", "all"] = "own",
        cell: str = "us",
        receiver: str | None = None,
    ) -> None:
        """
        cells: whose events it receives. cell: the one that it is in. receiver: the field that names which one receives.
        """
        self.name = name or stream()
        self.seen: list[tuple[str, int]] = []
        self.failing: set[int] = set()
        self.failure: Callable[[], Exception] = lambda: Unavailable("not now")
        self.trails: list[str] = []
        self._database = database
        self.row = Row(
            service="claiming",
            name=self.name,
            event=list(types),
            replay="fill",
            scale="event",
            attempts=attempts,
            cells=cells,
            receiver=receiver,
        )
        self.inbox = BatchInbox(self.row, database, self._handle, clock, cell)

    def _handle(self, event: Event[Any], transaction: Transaction) -> None:
        assert event.data.order_id == str(event.version)
        transaction.count(ADD, {"consumer": self.name, "name": event.stream, "version": event.version})
        self.trails.append(trace_context().request_id)
        if event.version in self.failing:
            raise self.failure()
        self.seen.append((event.stream, event.version))

    def receive(self, *events: StoredEvent) -> list[str]:
        """Deliver events one after the other."""
        return [self.inbox.receive(each) for each in events]

    def effects(self) -> int:
        """How many effects were committed."""
        with self._database.transaction() as transaction:
            (row,) = transaction.run(COUNT, {"consumer": self.name})
        return int(row["n"])

    def applied(self, name: str) -> list[int]:
        """The versions of a stream whose effects were committed, in order of effect."""
        with self._database.transaction() as transaction:
            rows = transaction.run(APPLIED, {"consumer": self.name, "name": name})
        return [row["version"] for row in rows]

    def versions(self, name: str) -> list[int]:
        """The versions of a stream in the order in which they were handled."""
        return [version for seen, version in self.seen if seen == name]

    def parked(self, name: str) -> list[tuple[int, str]]:
        """The parked events of a stream, as (version, reason)."""
        sql = "select version, reason from parked where consumer = :consumer and stream = :name order by version"
        with self._database.transaction() as transaction:
            rows = transaction.run(sql, {"consumer": self.name, "name": name})
        return [(row["version"], row["reason"]) for row in rows]


def source(*events: StoredEvent) -> Read:
    """The service that owns the streams of these events."""

    def read(event_type: str, name: str, from_version: int, types: Sequence[str]) -> StreamPart:
        assert event_type in {each.type for each in events}
        stream = [each for each in events if each.stream == name]
        found = [each for each in stream if each.version >= from_version and each.type in types]
        return StreamPart(found, max((each.version for each in stream), default=0))

    return read


def nobody(event_type: str, name: str, from_version: int, types: Sequence[str]) -> StreamPart:
    """A source that must not be queried."""
    pytest.fail(f"queried for {event_type} {name} from {from_version}")
