"""What a worker does with the partitions of its consumers, without a transport."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from types import SimpleNamespace
from typing import Any

import pytest

from shared.bus.records import RebalanceListener, Record, TopicPartition
from shared.config import Settings
from shared.errors import Unavailable
from shared.registry import load
from shared.runtime import consumer
from shared.runtime.consumer import EventConsumer, Partitions
from shared.runtime.receiver import DeliveredMessage
from tests.clocks import FakeClock

HERE, THERE = TopicPartition("claim-events", 1), TopicPartition("claim-events", 2)
GO_ON = threading.Event()


class Taken:
    """A reception that refuses some messages for the moment."""

    def __init__(self) -> None:
        self.done: list[bytes] = []
        self.refused: set[bytes] = set()

    def receive_each(self, delivered: Sequence[DeliveredMessage], go_on: Callable[[], bool]) -> list[str | Exception]:
        return [self._receive(each) for each in takewhile(lambda _: go_on(), delivered)]

    def _receive(self, delivered: DeliveredMessage) -> str | Exception:
        if delivered.body in self.refused:
            return ConnectionError("not now")
        if delivered.body in self.done:
            return "known"
        self.done.append(delivered.body)
        return "applied"

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[str] | None:
        if any(each.body in self.refused for each in delivered):
            return None
        self.done += [each.body for each in delivered]
        return ["applied"] * len(delivered)


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
    assert taken.done == [b"1@0", b"1@2", b"2@0", b"2@1", b"1@1"]


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


class FailingSource:
    """A source that is down for a while, and then has a record."""

    def __init__(self, down: Iterator[Unavailable], listener: RebalanceListener, stop: threading.Event) -> None:
        self._down = down
        self._stop = stop
        self.committed: dict[TopicPartition, int] = {}
        self.closed = False
        self._records = records(HERE, 0, 1)
        listener.assigned({HERE: None})

    def take(self, most: int, within_seconds: float) -> list[Record]:
        for error in self._down:
            raise error
        return [self._records.pop() for _ in self._records[:1]]

    def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        self.committed.update(offsets)
        self._stop.set()
        return True

    def pause(self, place: TopicPartition) -> None:
        pytest.fail("nothing waits")

    def resume(self, place: TopicPartition) -> None:
        pytest.fail("nothing waited")

    def close(self) -> None:
        self.closed = True


def test_a_transport_that_is_down_is_tried_again(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time with a source of its own, after a pause, and with one line in the log; then it goes on."""
    stop = threading.Event()
    waits: list[float] = []
    opened: list[FailingSource] = []
    down = iter([Unavailable("the bus is down")] * 3)
    monkeypatch.setattr(stop, "wait", waits.append)

    def open_one(
        row: str, topics: Sequence[str], listener: RebalanceListener, cell: str | None = None, /
    ) -> FailingSource:
        assert (row, list(topics), cell) == ("record_claim", ["claim-events"], "us")
        opened.append(FailingSource(down, listener, stop))
        return opened[-1]

    bound: Any = SimpleNamespace(
        row=load().rows["record_claim"], database=lambda: None, parameters=frozenset({"event"})
    )
    resources: Any = SimpleNamespace(settings=settings, clock=FakeClock())
    consumer_of_row = EventConsumer(bound, resources, open_one, "us")
    monkeypatch.setattr(consumer_of_row, "_reception", Taken())
    with caplog.at_level("WARNING"):
        consumer_of_row.run(stop)
    assert [each.closed for each in opened] == [True] * 4
    assert opened[-1].committed == {HERE: 1}
    assert waits == [consumer.REJOIN_SECONDS] * 3
    assert [line.count("the bus is down") for line in caplog.messages] == [1, 1, 1]
