"""The outbox relay: publishes committed events; one leader per service and region.

NOTIFY wakes it, with polling as a fallback. Events go out in version order per stream; a failed publish holds back
only the rest of its partition. Consumers' inboxes deduplicate events that are published twice.

The outbox is the table `unsent`, filled by the statement that appends the events. With its next read the leader deletes
from it what was published, by the session that holds the leader lock: a deposed leader deletes nothing. There is no
high-water cursor: sequence numbers are allocated before commit, so a cursor would skip transactions that commit late.
Polls begin at a floor only so that they need not step over what was deleted and is not vacuumed yet, however long a
snapshot keeps it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.bus.transport import AddressedEvent, EventBus
from shared.clock import Clock
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from shared.outbox.addressing import HERE, LOOK_BACK, NOWHERE, addressed
from shared.outbox.log import SQL
from shared.outbox.published import note_published, under_way
from shared.postgres.connect import TRANSACTION_SECONDS
from shared.postgres.database import Database, Transaction
from shared.postgres.gate import Gate
from shared.postgres.notify import Listener, discard
from shared.registry import Registry, load
from shared.resilience.breaker import Breaker

log = logging.getLogger(__name__)

BATCH: Final = 500
POLL_SECONDS: Final = 1.0

GATHER_SECONDS: Final = 0.25
"""The least time from one read to the next while many events come; what comes by itself is published at once.

A payment waits so long twice at most: with the order, and with the capture."""

LATELY_SECONDS: Final = 0.5
MANY: Final = 4
"""So many events within so many seconds are many."""

FULL_EVERY_SECONDS: Final = 10.0
"""How often a poll begins at the very beginning, whatever the floor."""

SETTLED_AFTER_SECONDS: Final = TRANSACTION_SECONDS + 5.0
"""How long after a position was assigned nothing below it can be committed any more."""


class GuardedBus:
    """A transport behind a circuit breaker: while it is open, events stay unpublished."""

    def __init__(self, bus: EventBus, breaker: Breaker) -> None:
        self._bus = bus
        self._breaker = breaker

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        try:
            with self._breaker.guard() as call:
                sent = self._bus.publish(events)
                if not any(sent):
                    call.mark_failed()
                return sent
        except Unavailable as error:
            log.warning("%d events wait: %s", len(events), error)
            return [False] * len(events)


class Floor:
    """A position below which the outbox is known to be empty. Times are those of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.position = 0
        self._marks: list[tuple[float, int]] = []
        """Last assigned positions, each with the time before which it was assigned, oldest first."""
        self._next_full = 0.0

    def begin(self, now: float) -> int:
        """The position beyond which to read now."""
        if now >= self._next_full:
            self._next_full = now + FULL_EVERY_SECONDS
            return 0
        return self.position

    def emptied(self, began: float) -> None:
        """Note that a read that began then has found all there was, and that it is published."""
        settled = [position for at, position in self._marks if began - at >= SETTLED_AFTER_SECONDS]
        if settled:
            self.position = settled[-1]
            self._marks = self._marks[len(settled) :]

    def due(self, now: float) -> bool:
        """Whether a new mark is wanted."""
        return not self._marks or now - self._marks[-1][0] >= FULL_EVERY_SECONDS

    def mark(self, position: int, now: float) -> None:
        """Note a last assigned position."""
        self._marks.append((now, position))


class Pace:
    """When to read next: at once, unless so much comes that events had better share a message and a transaction.

    Times are those of the monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self._reads: deque[tuple[float, int]] = deque([(0.0, 0)])
        """When the latest reads began, and how many events each has published."""

    def note(self, began: float, found: int) -> None:
        """Note a read, and how many events it has published."""
        while self._reads and self._reads[0][0] < began - LATELY_SECONDS:
            self._reads.popleft()
        self._reads.append((began, found))

    def pause(self, now: float) -> float:
        """How long to gather before the next read; 0 to read as soon as something is there."""
        latest, found = self._reads[-1]
        if not found or sum(each for _, each in self._reads) < MANY:
            return 0.0
        return max(0.0, latest + GATHER_SECONDS - now)


class Relay:
    """Drains one database's outbox while it holds the leader lock."""

    def __init__(
        self,
        service: str,
        database: Database,
        bus: EventBus,
        registry: Callable[[], Registry] = load,
        *,
        own: str = HERE,
        others: Sequence[str] = NOWHERE,
        gate: Gate | None = None,
    ) -> None:
        """
        registry: says which rows handle an event. own: the database's cell. others: the deployment's other cells.
        gate: what events wait at before they are published.
        """
        self._gate = gate
        self._registry = registry
        self._own = own
        self._others = others
        self._service = service
        self._database = database
        self._bus = bus
        self._held: set[str] = set()
        self._sent: list[int] = []
        """The positions that were published, and are to be deleted."""
        self._floor = Floor()
        self._pace = Pace()
        self._session: Transaction | None = None

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
        self.lead(connection)
        while not stop.is_set():
            if self.drain():
                continue
            if pause := self._pace.pause(time.monotonic()):
                stop.wait(pause)
            else:
                listener.wait(POLL_SECONDS)
        self.settle()

    @property
    def floor(self) -> int:
        """The position below which nothing is unsent."""
        return self._floor.position

    def lead(self, connection: CoreConnection) -> None:
        """Lead by a session that holds the leader lock, each of whose statements is a transaction of its own."""
        self._session = Transaction(connection)
        self._held.clear()
        self._sent.clear()
        self._floor = Floor()

    def settle(self) -> None:
        """Delete what was published last, as the next `drain` would: before the lead is given up."""
        if self._sent:
            SQL.delete_sent(self._session, positions=self._sent)
            self._sent.clear()

    def drain(self) -> bool:
        """Publish one batch; returns whether there may be more right away. Only after `lead`.

        It is deleted by the next call or by `settle`. After a crash in between it is published again.

        Streams that could not be published are held back until all others had their turn: however many of their events
        wait, they hold up no other partition.
        """
        began = time.monotonic()
        rows: list[dict[str, Any]] = SQL.read_unsent(
            self._session,
            sent=self._sent,
            beyond=self._floor.begin(began),
            look_back=LOOK_BACK,
            held=list(self._held),
            most=BATCH,
        )
        self._sent.clear()
        positions, gated = [row.pop("position") for row in rows], [row.pop("gated") for row in rows]
        events = [self._addressed(**row) for row in rows]
        if events:
            # Read in the snapshot of the events: whichever standby joins later has to have them.
            if self._gate and any(gated):
                self._gate.wait("event")
            sent = self._bus.publish(events)
            self._sent = [position for position, done in zip(positions, sent, strict=True) if done]
            note_published([each.event for each, done in zip(events, sent, strict=True) if done])
            self._held |= {each.event.stream for each, done in zip(events, sent, strict=True) if not done}
        self._pace.note(began, len(self._sent))
        if self._held:
            log.warning("relay %s: events of %d streams wait", self._service, len(self._held))
        more = len(events) == BATCH
        if not more:
            self._turn_over(began)
        return more

    def _addressed(self, before: Sequence[str], **stored: Any) -> AddressedEvent:
        return addressed(under_way(StoredEvent(**stored)), before, self._registry(), self._own, self._others)

    def _turn_over(self, began: float) -> None:
        """All has been read: let the held-back streams have their turn again."""
        if not self._held:
            self._floor.emptied(began)
            if self._floor.due(began):
                self._floor.mark(int(SQL.last_position(self._session)), time.monotonic())
        self._held.clear()


def measure_unsent(database: Database, clock: Clock) -> tuple[int, float]:
    """How many events are unsent, and for how many seconds the oldest of them. Raises Unavailable.

    What was published last counts until the relay reads again, after POLL_SECONDS at the latest.
    """
    row = database.read(lambda statement: SQL.measure_unsent(statement, now=clock.now()))
    return row["events"], row["oldest"] / 1_000_000


def _locks(connection: CoreConnection) -> bool:
    context = CoreConnection.execute_simple(connection, "select pg_try_advisory_lock(hashtext('relay'))")
    return bool(context.rows[0][0])
