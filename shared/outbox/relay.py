"""The outbox relay: publishes committed events; one leader per service and region.

NOTIFY wakes it, with polling as a fallback. Events go out in version order per stream; a failed publish holds back
only the rest of its partition. There is no high-water cursor: sequence numbers are allocated before commit, so a
cursor would skip transactions that commit late. Consumers' inboxes deduplicate events that are published twice.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Any, Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.bus.transport import EventBus
from shared.clock import Clock
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from shared.outbox.log import SQL
from shared.postgres.database import Database
from shared.postgres.notify import Listener, discard
from shared.resilience.breaker import Breaker

log = logging.getLogger(__name__)

BATCH: Final = 500
POLL_SECONDS: Final = 1.0


class GuardedBus:
    """A transport behind a circuit breaker: while it is open, events stay unpublished."""

    def __init__(self, bus: EventBus, breaker: Breaker) -> None:
        self._bus = bus
        self._breaker = breaker

    def publish(self, events: Sequence[StoredEvent]) -> list[bool]:
        try:
            with self._breaker.guard() as call:
                sent = self._bus.publish(events)
                if not any(sent):
                    call.mark_failed()
                return sent
        except Unavailable as error:
            log.warning("%d events wait: %s", len(events), error)
            return [False] * len(events)


class Relay:
    """Drains one database's outbox while it holds the leader lock."""

    def __init__(self, service: str, database: Database, bus: EventBus, clock: Clock) -> None:
        self._service = service
        self._database = database
        self._bus = bus
        self._clock = clock
        self._held: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set. Failures are retried after POLL_SECONDS."""
        while not stop.is_set():
            connection: CoreConnection | None = None
            try:
                connection = self._database.dedicated()
                self._lead(connection, stop)
            except (InterfaceError, DatabaseError, OSError, MeridianError) as error:
                log.warning("relay %s pauses: %s", self._service, error)
            finally:
                if connection is not None:
                    discard(connection)
            stop.wait(POLL_SECONDS)

    def _lead(self, connection: CoreConnection, stop: threading.Event) -> None:
        """Drain while this session holds the leader lock; PostgreSQL releases it when the session ends."""
        while not _locks(connection):
            if stop.wait(POLL_SECONDS):
                return
        log.info("relay %s leads", self._service)
        listener = Listener(connection)
        while not stop.is_set():
            if not self.drain():
                listener.wait(POLL_SECONDS)

    def drain(self) -> bool:
        """Publish one batch; returns whether there may be more right away.

        Streams that could not be published are held back until all others had their turn: however many of their events
        wait, they hold up no other partition.
        """
        with self._database.transaction() as transaction:
            rows: list[dict[str, Any]] = SQL.read_unsent(transaction, held=list(self._held), most=BATCH)
        positions = [row.pop("position") for row in rows]
        events = [StoredEvent(**row) for row in rows]
        if events:
            sent = self._bus.publish(events)
            self._mark([position for position, done in zip(positions, sent, strict=True) if done])
            self._held |= {event.stream for event, done in zip(events, sent, strict=True) if not done}
        if self._held:
            log.warning("relay %s: events of %d streams wait", self._service, len(self._held))
        more = len(events) == BATCH
        if not more:
            self._held.clear()
        return more

    def _mark(self, positions: list[int]) -> None:
        with self._database.transaction() as transaction:
            SQL.mark_published(transaction, positions=positions, at=self._clock.now())


def _locks(connection: CoreConnection) -> bool:
    context = CoreConnection.execute_simple(connection, "select pg_try_advisory_lock(hashtext('relay'))")
    return bool(context.rows[0][0])
