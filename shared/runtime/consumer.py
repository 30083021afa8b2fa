"""The worker that takes a service's events from Kafka: each event row is a consumer group, with a thread of its own.

A record is committed after its effect. What cannot be handled for the moment stays at the head of its partition, which
is paused, and is tried again at growing intervals, as Pub/Sub delivers a push again; other partitions go on meanwhile.
How often it may fail, and what becomes of it then, is the inbox's to say.

What the cluster loses of what relays had published, the service's worker finds (shared/outbox/comparison.py).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, Protocol

from shared.adapters.kafka_group import Group, Place, Record
from shared.adapters.resources import Resources
from shared.adapters.topics import group_name, topic_name
from shared.errors import MeridianError, summary
from shared.outbox.batch import TOGETHER
from shared.registry import load
from shared.runtime.binding import Bound
from shared.runtime.event import Delivered, Reception

log = logging.getLogger(__name__)

TAKE: Final = 500
"""How many records are taken at once."""

LOOK_SECONDS: Final = 0.2
"""How long nothing may come before it is looked whether the worker is to end."""

TURN_SECONDS: Final = 5.0
"""How long records are handled one by one before the cluster hears of this member again."""

RETRY_SECONDS: Final = (0.1, 10.0)
"""After the first failure of a record, and at most: as long as between Pub/Sub's pushes."""

REJOIN_SECONDS: Final = 1.0
"""Between two tries to reach a cluster, or a database, that is not there."""


class Receiving(Protocol):
    """What becomes of a message; see shared.runtime.event."""

    def take(self, delivered: Delivered) -> str:
        """Take one; raises whatever has it tried again."""

    def take_together(self, delivered: Sequence[Delivered]) -> bool:
        """Take several, or none."""


@dataclass(slots=True)
class Line:
    """A partition, and what was taken of it and waits. Times are those of the monotonic clock."""

    waiting: deque[Record] = field(default_factory=deque)
    done: int | None = None
    """The offset before which all has been handled, where that is not committed yet."""
    due: float = 0.0
    delay: float = 0.0
    """How long it waits since its last failure; 0 when the last try was a success."""

    def fails(self) -> None:
        """Wait, longer each time."""
        first, most = RETRY_SECONDS
        self.delay = min(most, 2 * self.delay or first)
        self.due = time.monotonic() + self.delay

    def succeeds(self, count: int) -> None:
        """So many of its records have been handled."""
        for _ in range(count):
            self.done = self.waiting.popleft().offset + 1
        self.delay = self.due = 0.0


class Partitions:
    """The partitions of one consumer that are this process's, and the handling of what comes."""

    def __init__(self, name: str, reception: Receiving) -> None:
        """name: the consumer's."""
        self._name = name
        self._reception = reception
        self._lines: dict[Place, Line] = {}

    # What the group tells

    def assigned(self, places: Mapping[Place, int | None]) -> None:
        self._lines |= {place: Line() for place in places}

    def revoked(self, places: Iterable[Place]) -> Mapping[Place, int]:
        left = {place: self._lines.pop(place, Line()) for place in places}
        return {place: line.done for place, line in left.items() if line.done is not None}

    def lost(self, places: Iterable[Place]) -> None:
        for place in places:
            self._lines.pop(place, None)

    # What is to be done

    def add(self, records: Iterable[Record]) -> None:
        """Records that came."""
        for record in records:
            line = self._lines.get(record.place)
            if line is None:
                continue  # its partition went in the moment in which it came; who has that now has it too
            line.waiting.append(record)

    def work(self, stop: threading.Event) -> None:
        """Handle what waits and is due, within a turn."""
        until = time.monotonic() + TURN_SECONDS
        ready = [line for line in self._lines.values() if line.waiting and line.due <= time.monotonic()]
        for some in _together([line for line in ready if not line.delay]):
            if stop.is_set() or time.monotonic() > until:
                return
            records = [record for line, count in some for record in islice(line.waiting, count)]
            if len(records) > 1 and self._reception.take_together([_delivered(record) for record in records]):
                for line, count in some:
                    line.succeeds(count)
            else:
                for line, count in some:
                    self._one_by_one(line, count, stop, until)
        for line in ready:
            if line.delay and line.waiting and line.due <= time.monotonic():
                self._one_by_one(line, 1, stop, until)

    def _one_by_one(self, line: Line, count: int, stop: threading.Event, until: float) -> None:
        for _ in range(count):
            if stop.is_set() or time.monotonic() > until:
                return
            record = line.waiting[0]
            try:
                self._reception.take(_delivered(record))
            except Exception as error:  # noqa: BLE001 - whatever it is, the record is to be tried again
                line.fails()
                # A defect is told of with its place when it is parked; here only that something is tried again.
                log.warning("%s tries %s again in %.1f s: %s", self._name, record.place, line.delay, summary(error))
                return
            line.succeeds(1)

    def handled(self) -> dict[Place, int]:
        """What is to be committed."""
        return {place: line.done for place, line in self._lines.items() if line.done is not None}

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """These are committed."""
        for place, offset in offsets.items():
            if place in self._lines and self._lines[place].done == offset:
                self._lines[place].done = None

    def waiting(self) -> set[Place]:
        """The partitions in which something was taken and waits."""
        return {place for place, line in self._lines.items() if line.waiting}

    def pause(self) -> float:
        """How long there is nothing to do but to take: until the first record is due again."""
        dues = [line.due for line in self._lines.values() if line.waiting]
        return max(0.0, min([LOOK_SECONDS, *(due - time.monotonic() for due in dues)]))


class KafkaConsumer:
    """One event row at work."""

    def __init__(self, bound: Bound, resources: Resources) -> None:
        self._settings = resources.settings
        self._row = bound.row
        self._reception = Reception(bound, resources.settings, resources.clock)

    def run(self, stop: threading.Event) -> None:
        """Take and handle until told to stop; a cluster or database that is not there is tried again."""
        while not stop.is_set():
            partitions = Partitions(self._row.name, self._reception)
            group = Group(self._settings, group_name(self._row.name, self._settings.region), self._topics(), partitions)
            try:
                consume(group, partitions, stop)
            except MeridianError as error:
                log.warning("%s joins its group again: %s", self._row.name, error)
                stop.wait(REJOIN_SECONDS)
            finally:
                group.close()

    def _topics(self) -> list[str]:
        return [topic_name(topic, self._settings.region) for topic in load().topics_of(self._row)]


def consume(group: Group, partitions: Partitions, stop: threading.Event) -> None:
    """Take, handle and commit until told to stop. Raises Unavailable."""
    paused: set[Place] = set()
    while not stop.is_set():
        partitions.add(group.take(TAKE, partitions.pause()))
        partitions.work(stop)
        handled = partitions.handled()
        if group.commit(handled):
            partitions.committed(handled)
        waiting = partitions.waiting()
        for place in waiting - paused:
            group.pause(place)
        for place in paused - waiting:
            group.resume(place)
        paused = waiting


def work(service: str, resources: Resources, bounds: Sequence[Bound], stop: threading.Event) -> None:
    """Run all consumers of a service until told to stop. A defect in one ends the worker, so that it is started again.

    Raises RuntimeError then.
    """
    ended: list[str] = []

    def run(bound: Bound) -> None:
        try:
            KafkaConsumer(bound, resources).run(stop)
        except Exception:
            log.exception("the consumer %s ends", bound.row.name)
            ended.append(bound.row.name)
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=(bound,), name=bound.row.name) for bound in bounds]
    for thread in threads:
        thread.start()
    log.info("the consumers of %s are at work", service)
    for thread in threads:
        thread.join()
    if ended:
        raise RuntimeError(f"{', '.join(ended)} ended")


def _together(lines: Sequence[Line]) -> Iterator[list[tuple[Line, int]]]:
    """What waits in lines, in portions that share a transaction: of each line so many records from its head."""
    some: list[tuple[Line, int]] = []
    room = TOGETHER
    for line in lines:
        while line.waiting and not line.delay:
            count = min(room, len(line.waiting))
            some.append((line, count))
            room -= count
            if room == 0:
                yield some
                some, room = [], TOGETHER
            else:
                break
    if some:
        yield some


def _delivered(record: Record) -> Delivered:
    return Delivered(record.attributes, record.body, record.flaw)
