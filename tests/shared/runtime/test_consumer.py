"""What a Kafka worker does with its partitions, without a cluster."""

import threading
from collections.abc import Sequence

from shared.bus.records import Record, TopicPartition
from shared.runtime import consumer
from shared.runtime.consumer import Partitions
from shared.runtime.event import DeliveredMessage

HERE, THERE = TopicPartition("claim-events", 1), TopicPartition("claim-events", 2)
GO_ON = threading.Event()


class Taken:
    """A reception that refuses some messages for the moment."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self.refused: set[bytes] = set()

    def take(self, delivered: DeliveredMessage) -> str:
        if delivered.body in self.refused:
            raise ConnectionError("not now")
        self.done.append(delivered.body)
        return "applied"

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> bool:
        if any(each.body in self.refused for each in delivered):
            return False
        self.done += [each.body for each in delivered]
        return True


def records(place: TopicPartition, first: int, count: int) -> list[Record]:
    """Records that say where they stood."""
    named = [(offset, f"{place.partition}@{offset}".encode()) for offset in range(first, first + count)]
    return [Record(place, offset, {}, body, "") for offset, body in named]


def working(taken: Taken, **places: int | None) -> Partitions:
    """The partitions of a process that has been given both."""
    partitions = Partitions("tests", taken)
    partitions.assigned({HERE: places.get("here", 0), THERE: places.get("there", 0)})
    return partitions


def test_what_is_handled_is_committed_and_nothing_else() -> None:
    """Up to the first record that could not be handled, in each partition; later it goes on from there."""
    taken = Taken()
    partitions = working(taken)
    taken.refused = {b"1@1"}
    partitions.add([*records(HERE, 0, 3), *records(THERE, 0, 2)])
    partitions.work(GO_ON)
    assert partitions.handled() == {HERE: 1, THERE: 2}
    assert partitions.waiting() == {HERE}
    partitions.committed(partitions.handled())
    assert partitions.handled() == {}
    taken.refused = set()
    while partitions.waiting():
        partitions.work(GO_ON)
    assert partitions.handled() == {HERE: 3}
    assert taken.done == [b"1@0", b"2@0", b"2@1", b"1@1", b"1@2"]


def test_what_is_taken_away_is_not_handled_any_more() -> None:
    """Handled offsets are committed when a partition is revoked; those of a lost partition are not."""
    taken = Taken()
    partitions = working(taken)
    partitions.add([*records(HERE, 0, 2), *records(THERE, 0, 2)])
    partitions.work(GO_ON)
    partitions.add(records(HERE, 2, 5))
    assert partitions.revoked([HERE]) == {HERE: 2}
    partitions.lost([THERE])
    partitions.add([*records(HERE, 7, 1), *records(THERE, 2, 1)])  # they came in the same moment
    partitions.work(GO_ON)
    assert partitions.handled() == {}
    assert len(taken.done) == 4


def test_retries_come_at_growing_intervals() -> None:
    """From a tenth of a second up to ten, and at once again after a success."""
    taken = Taken()
    partitions = working(taken)
    taken.refused = {b"1@0"}
    partitions.add(records(HERE, 0, 1))
    waits = []
    for _ in range(12):
        (line,) = (line for line in partitions._lines.values() if line.waiting)
        line.due = 0.0
        partitions.work(GO_ON)
        waits.append(line.delay)
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert waits[-1] == consumer.RETRY_SECONDS[1]
    assert 0 <= partitions.pause() <= consumer.LOOK_SECONDS
    taken.refused = set()
    line.due = 0.0
    partitions.work(GO_ON)
    assert line.delay == 0.0


def test_records_that_are_missing_stop_nothing() -> None:
    """The cluster has lost records of a partition: the others are handled, and the lost ones read from sources."""
    taken = Taken()
    partitions = working(taken, here=None)
    partitions.add([*records(HERE, 7, 2), *records(THERE, 0, 2), *records(THERE, 5, 1)])
    partitions.work(GO_ON)
    assert partitions.handled() == {HERE: 9, THERE: 6}


def test_a_worker_that_is_to_end_begins_nothing() -> None:
    """What was taken and not begun is left to who comes next."""
    taken = Taken()
    partitions = working(taken)
    partitions.add(records(HERE, 0, 3))
    ending = threading.Event()
    ending.set()
    partitions.work(ending)
    assert (taken.done, partitions.handled()) == ([], {})
