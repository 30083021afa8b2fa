"""The worker that consumes a service's events, from Kafka or by pulls from Pub/Sub.

Each event row has its own thread for each cell whose events it receives, so that a transport of one that cannot be
reached holds up no other.

On Kafka a row is a consumer group; on Pub/Sub it has a subscription to each of its topics, and what is said of
partitions here holds for ordering keys. A record is acknowledged after its effect. A record that cannot be handled for
the moment stays at the head of its partition, which is paused and retried with growing backoff, as Pub/Sub redelivers a
push; other partitions continue, and what waits behind it is tried with it. The inbox decides how often and how long a
record may fail and what happens then.

If the transport loses records that relays had published, the service's worker finds them
(shared/outbox/comparison.py).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Final, Protocol

from shared.bus.records import Record, RecordSource, RecordSources, TopicPartition
from shared.bus.transport import record_sources
from shared.container.loops import Loop, finish
from shared.errors import MeridianError, summary
from shared.outbox.batch import BATCH_SIZE
from shared.registry import load
from shared.resources import Resources
from shared.runtime.binding import BoundOperation
from shared.runtime.receiver import DeliveredMessage, MessageReceiver

log = logging.getLogger(__name__)

TAKE: Final = 500
"""The largest batch of records per poll."""

LOOK_SECONDS: Final = 0.2
"""How long a poll may block before the worker checks whether to stop."""

TURN_SECONDS: Final = 5.0
"""How long records are handled one by one before the member polls again, so that the group does not expel it."""

RETRY_SECONDS: Final = (0.1, 10.0)
"""Backoff after a record's first failure, and at most: the same as between Pub/Sub's pushes."""

REJOIN_SECONDS: Final = 1.0
"""Between two attempts to reach a transport or database that is down."""


class MessageHandler(Protocol):
    """Handles messages; see shared.runtime.receiver.MessageReceiver."""

    def receive_each(
        self, delivered: Sequence[DeliveredMessage], go_on: Callable[[], bool]
    ) -> Sequence[str | Exception]:
        """Handle them one by one, as long as `go_on` says so; what fails has all from there on retried."""

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[str] | None:
        """Handle all in one transaction, and say what became of each; None if nothing was done."""


@dataclass(slots=True)
class PartitionQueue:
    """The records of one partition that were polled and wait. Times are those of the monotonic clock."""

    waiting: deque[Record] = field(default_factory=deque)
    done: int | None = None
    """The offset up to which everything was handled, if that is not committed yet."""
    due: float = 0.0
    delay: float = 0.0
    """The current backoff; 0 if the last attempt succeeded."""

    def fails(self) -> None:
        """Back off, twice as long each time."""
        first, most = RETRY_SECONDS
        self.delay = min(most, 2 * self.delay or first)
        self.due = time.monotonic() + self.delay

    def succeeds(self, count: int) -> None:
        """Drop so many handled records."""
        for _ in range(count):
            self.done = self.waiting.popleft().offset + 1
        self.delay = self.due = 0.0


class Partitions:
    """The partitions that are assigned to one consumer in this process, and their handling."""

    def __init__(self, name: str, reception: MessageHandler) -> None:
        """name: the consumer's."""
        self._name = name
        self._reception = reception
        self._lines: dict[TopicPartition, PartitionQueue] = {}

    # Rebalance callbacks

    def assigned(self, places: Mapping[TopicPartition, int | None]) -> None:
        self._lines |= {place: PartitionQueue() for place in places}

    def revoked(self, places: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        left = {place: self._lines.pop(place, PartitionQueue()) for place in places}
        return {place: line.done for place, line in left.items() if line.done is not None}

    def lost(self, places: Iterable[TopicPartition]) -> None:
        for place in places:
            self._lines.pop(place, None)

    # Work

    def add(self, records: Iterable[Record]) -> None:
        """Queue polled records."""
        for record in records:
            line = self._lines.get(record.place)
            if line is None:
                continue  # its partition was revoked meanwhile; the new owner gets it too
            line.waiting.append(record)

    def work(self, stop: threading.Event) -> None:
        """Handle what is queued and due, for at most TURN_SECONDS."""
        until = time.monotonic() + TURN_SECONDS
        ready = [line for line in self._lines.values() if line.waiting and line.due <= time.monotonic()]
        for some in _together([line for line in ready if not line.delay]):
            if stop.is_set() or time.monotonic() > until:
                return
            records = [record for line, count in some for record in islice(line.waiting, count)]
            if len(records) > 1 and self._reception.receive_batch([_delivered(each) for each in records]) is not None:
                for line, count in some:
                    line.succeeds(count)
            else:
                for line, count in some:
                    self._one_by_one(line, count, stop, until)
        for line in ready:
            if line.delay and line.waiting and line.due <= time.monotonic():
                self._one_by_one(line, BATCH_SIZE, stop, until)

    def _one_by_one(self, line: PartitionQueue, count: int, stop: threading.Event, until: float) -> None:
        records = list(islice(line.waiting, count))
        outcomes = self._reception.receive_each(
            [_delivered(each) for each in records], lambda: not stop.is_set() and time.monotonic() <= until
        )
        failure = next((each for each in outcomes if isinstance(each, Exception)), None)
        received = len(outcomes) if failure is None else outcomes.index(failure)
        if received:
            line.succeeds(received)
        if failure is not None:
            line.fails()
            # A defect is logged with its traceback when the event is parked; here only the retry is.
            log.warning("%s tries %s again in %.1f s: %s", self._name, records[0].place, line.delay, summary(failure))

    def handled(self) -> dict[TopicPartition, int]:
        """The offsets to commit, by partition."""
        return {place: line.done for place, line in self._lines.items() if line.done is not None}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note that these offsets are committed."""
        for place, offset in offsets.items():
            if place in self._lines and self._lines[place].done == offset:
                self._lines[place].done = None

    def waiting(self) -> set[TopicPartition]:
        """The partitions with queued records."""
        return {place for place, line in self._lines.items() if line.waiting}

    def pause(self) -> float:
        """How long the next poll may block: until the first queued record is due."""
        dues = [line.due for line in self._lines.values() if line.waiting]
        return max(0.0, min([LOOK_SECONDS, *(due - time.monotonic() for due in dues)]))


class EventConsumer:
    """The consumer of one event row, of one cell's events."""

    def __init__(self, bound: BoundOperation, resources: Resources, sources: RecordSources, cell: str) -> None:
        self._row = bound.row
        self._cell = cell
        self._sources = sources
        self._reception = MessageReceiver(bound, resources.settings, resources.clock)

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; a transport or database that is down is retried."""
        while not stop.is_set():
            partitions = Partitions(self._row.name, self._reception)
            source = self._sources(self._row.name, load().topics_of(self._row), partitions, self._cell)
            try:
                consume(source, partitions, stop)
            except MeridianError as error:
                log.warning("%s begins to consume again: %s", self._row.name, error)
                stop.wait(REJOIN_SECONDS)
            finally:
                source.close()


def consume(source: RecordSource, partitions: Partitions, stop: threading.Event) -> None:
    """Take, handle and commit until `stop` is set. Raises Unavailable."""
    paused: set[TopicPartition] = set()
    while not stop.is_set():
        partitions.add(source.take(TAKE, partitions.pause()))
        partitions.work(stop)
        handled = partitions.handled()
        if source.commit(handled):
            partitions.committed(handled)
        waiting = partitions.waiting()
        for place in waiting - paused:
            source.pause(place)
        for place in paused - waiting:
            source.resume(place)
        paused = waiting


def work(service: str, resources: Resources, bounds: Sequence[BoundOperation], stop: threading.Event) -> None:
    """Run all consumers of a service until `stop` is set. A defect in one ends the worker, so that it is restarted.

    Raises RuntimeError then.
    """
    sources = record_sources(resources.settings)

    def run(bound: BoundOperation, cell: str) -> None:
        try:
            EventConsumer(bound, resources, sources, cell).run(stop)
        finally:
            stop.set()

    settings = resources.settings
    loops = [
        Loop(f"{bound.row.name} of {cell}", partial(run, bound, cell), stop)
        for bound in bounds
        for cell in bound.row.sources(settings.cell, settings.other_cells)
    ]
    for loop in loops:
        loop.start()
    log.info("the consumers of %s are at work", service)
    finish(loops)


def _together(lines: Sequence[PartitionQueue]) -> Iterator[list[tuple[PartitionQueue, int]]]:
    """Batches that share a transaction, each as (queue, how many records from its head)."""
    some: list[tuple[PartitionQueue, int]] = []
    room = BATCH_SIZE
    for line in lines:
        while line.waiting and not line.delay:
            count = min(room, len(line.waiting))
            some.append((line, count))
            room -= count
            if room == 0:
                yield some
                some, room = [], BATCH_SIZE
            else:
                break
    if some:
        yield some


def _delivered(record: Record) -> DeliveredMessage:
    return DeliveredMessage(record.attributes, record.body, record.flaw)
