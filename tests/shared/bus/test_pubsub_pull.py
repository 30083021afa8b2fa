"""What a subscriber makes of pulled messages, on a Pub/Sub and a clock of the test's own."""

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from shared.bus import pubsub_pull
from shared.bus.batches import CONTENT_TYPE, pack
from shared.bus.pubsub_pull import (
    DEADLINE_SECONDS,
    EMPTY_SECONDS,
    EXTEND_SECONDS,
    FULL,
    HELD_SECONDS,
    PACE_SECONDS,
    STUCK_SECONDS,
    PulledMessage,
    PullSubscriber,
)
from shared.bus.records import Record, TopicPartition
from shared.errors import Unavailable
from shared.runtime.consumer import Partitions, consume
from tests.shared.outbox.sample_events import ROW, event, stream, to_row
from tests.shared.runtime.test_consumer import Taken

HERE, THERE = "row-here", "row-there"
PATIENCE_SECONDS = 30.0


class SentPull:
    """A pull that the test answers."""

    def __init__(self, most: int, answered: Callable[[], None]) -> None:
        self.most = most
        self.cancelled = False
        self._answered = answered
        self._ended = threading.Event()
        self._messages: Sequence[PulledMessage] = ()
        self._failure: Unavailable | None = None

    def answer(self, *messages: PulledMessage, failure: Unavailable | None = None) -> None:
        self._messages, self._failure = messages, failure
        self._ended.set()
        self._answered()

    def wait(self, seconds: float) -> bool:
        return self._ended.wait(seconds)

    def messages(self) -> list[PulledMessage]:
        if self._failure is not None:
            raise self._failure
        return list(self._messages)

    def cancel(self) -> None:
        self.cancelled = True


class SentCalls:
    """Pub/Sub, which records what it is asked for; a clock that stands still goes with it."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pulls: dict[str, list[SentPull]] = {HERE: [], THERE: []}
        self.acknowledged: list[str] = []
        self.deadlines: list[tuple[str, int]] = []
        self.down = False

    def now(self) -> float:
        return self.time

    def pull(self, subscription: str, most: int, answered: Callable[[], None]) -> SentPull:
        self.pulls[subscription].append(SentPull(most, answered))
        return self.pulls[subscription][-1]

    def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        self._check()
        self.acknowledged += ack_ids

    def modify_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        self._check()
        self.deadlines += [(ack_id, seconds) for ack_id in ack_ids]

    def _check(self) -> None:
        if self.down:
            raise Unavailable("Pub/Sub is down")


def message(key: str, number: int, delivery: int = 1) -> PulledMessage:
    """A message of an ordering key, whose body names it."""
    name = f"{key}@{number}"
    return PulledMessage(name, f"{name}#{delivery}", key, {"key": key}, name.encode())


def messages(key: str, first: int, count: int) -> list[PulledMessage]:
    return [message(key, number) for number in range(first, first + count)]


def bodies(records: Sequence[Record]) -> list[bytes]:
    return [record.body for record in records]


@pytest.fixture
def calls() -> SentCalls:
    """What is asked of Pub/Sub."""
    return SentCalls()


class Subscribed:
    """A subscriber to one subscription or two, and the handling of what it takes."""

    def __init__(self, calls: SentCalls, *names: str) -> None:
        self.taken = Taken()
        self.partitions = Partitions("tests", self.taken)
        self.source = PullSubscriber(calls, {name: name for name in names}, self.partitions, calls.now)
        self._calls = calls

    def take(self, *answer: PulledMessage, of: str = HERE) -> list[Record]:
        """What is taken if the pull under way is answered so."""
        self.source.take(500, 0)
        self._calls.pulls[of][-1].answer(*answer)
        return self.source.take(500, 0)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, and look for messages."""
        self._calls.time += seconds
        self.source.take(500, 0)

    def leave_waiting(self, *keys: str, of: str = HERE) -> None:
        """Say that records of these keys could not be handled."""
        for key in keys:
            self.source.pause(TopicPartition(of, key))


@pytest.fixture
def subscribed(calls: SentCalls) -> Subscribed:
    """A subscriber to HERE."""
    return Subscribed(calls, HERE)


def test_messages_are_records_in_the_order_of_their_key(subscribed: Subscribed) -> None:
    """With what they carry; a key is a place, whose offsets grow."""
    found = subscribed.take(message("1", 1), message("2", 1), message("1", 2))
    assert [(record.place, record.body) for record in found] == [
        (TopicPartition(HERE, "1"), b"1@1"),
        (TopicPartition(HERE, "2"), b"2@1"),
        (TopicPartition(HERE, "1"), b"1@2"),
    ]
    assert found[0].offset < found[2].offset
    assert (found[0].attributes, found[0].flaw) == ({"key": "1"}, "")


def test_what_is_committed_is_acknowledged_and_nothing_else(subscribed: Subscribed, calls: SentCalls) -> None:
    """Up to the offset in each place, once."""
    first, second, other, _ = subscribed.take(message("1", 1), message("1", 2), message("2", 1), message("3", 1))
    assert subscribed.source.commit({first.place: second.offset, other.place: other.offset + 1})
    assert sorted(calls.acknowledged) == ["1@1#1", "2@1#1"]
    assert subscribed.source.commit({first.place: second.offset, other.place: other.offset + 1})
    assert len(calls.acknowledged) == 2
    assert subscribed.source.commit({first.place: second.offset + 1})
    assert calls.acknowledged[2:] == ["1@2#1"]


def test_a_batch_is_acknowledged_with_its_last_event(subscribed: Subscribed, calls: SentCalls) -> None:
    """Each of its events is a record; what comes again meanwhile is none."""
    body = pack(to_row(*(event(stream(), 1) for _ in range(3))), ROW)
    batch = PulledMessage("b", "b#1", "k", {"content-type": CONTENT_TYPE}, body)
    records = subscribed.take(batch, message("k", 1))
    assert len(records) == 4
    assert {each.place for each in records} == {TopicPartition(HERE, "k")}
    assert [each.attributes["ce-streamversion"] for each in records[:3]] == ["1"] * 3
    place = records[0].place
    assert subscribed.source.commit({place: records[1].offset + 1})
    assert calls.acknowledged == []
    assert subscribed.source.commit({place: records[2].offset + 1})
    assert calls.acknowledged == ["b#1"]
    assert subscribed.source.commit({place: records[3].offset + 1})
    assert calls.acknowledged == ["b#1", "k@1#1"]


def test_an_acknowledgement_that_failed_is_tried_again(subscribed: Subscribed, calls: SentCalls) -> None:
    """The effect was made: it is not handled again, and acknowledged as soon as that is possible."""
    (found,) = subscribed.take(message("1", 1))
    calls.down = True
    assert not subscribed.source.commit({found.place: found.offset + 1})
    calls.down = False
    assert subscribed.source.commit({found.place: found.offset + 1})
    assert calls.acknowledged == ["1@1#1"]


def test_what_comes_again_while_it_is_held_is_no_new_record(subscribed: Subscribed, calls: SentCalls) -> None:
    """Its deadline had passed: what counts is the latest delivery, since an earlier one cannot be acknowledged."""
    found = subscribed.take(message("1", 1), message("1", 2))
    calls.time += PACE_SECONDS
    assert subscribed.take(message("1", 1, 2), message("1", 2, 2)) == []
    subscribed.source.commit({found[0].place: found[1].offset + 1})
    assert calls.acknowledged == ["1@1#2", "1@2#2"]
    calls.time += PACE_SECONDS
    assert bodies(subscribed.take(message("1", 1, 3))) == [b"1@1"], "what was acknowledged is for the inbox to know"


def test_deadlines_are_extended_while_messages_wait(subscribed: Subscribed, calls: SentCalls) -> None:
    """In good time, and not at every look; what is acknowledged is not extended."""
    waiting, done = subscribed.take(message("1", 1), message("2", 1))
    subscribed.source.commit({done.place: done.offset + 1})
    subscribed.leave_waiting("1")
    subscribed.pass_by(EXTEND_SECONDS - 0.1)
    assert calls.deadlines == []
    for _ in range(3):
        subscribed.pass_by(0.1)
    assert calls.deadlines == [("1@1#1", DEADLINE_SECONDS)]
    calls.down = True
    subscribed.pass_by(EXTEND_SECONDS)
    calls.down = False
    subscribed.pass_by(EXTEND_SECONDS)
    assert calls.deadlines == [("1@1#1", DEADLINE_SECONDS)] * 2
    assert 3 * EXTEND_SECONDS < DEADLINE_SECONDS, "an extension may fail"
    assert subscribed.source.commit({waiting.place: waiting.offset + 1})


def test_memory_is_bounded_and_a_key_that_is_stuck_makes_room(
    subscribed: Subscribed, calls: SentCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is pulled beyond the bound; the longest queue that has not got on is given back, and no other."""
    monkeypatch.setattr(pubsub_pull, "HELD_AT_MOST", 60)
    subscribed.take(*messages("1", 1, 10), *messages("2", 1, 35))
    subscribed.leave_waiting("1", "2")
    subscribed.pass_by(PACE_SECONDS)
    assert calls.pulls[HERE][-1].most == 15
    calls.time = STUCK_SECONDS - 1
    (late,) = {record.place for record in subscribed.take(*messages("3", 1, 15))}
    subscribed.leave_waiting("3")
    pulls = len(calls.pulls[HERE])
    subscribed.pass_by(0.5)
    assert (len(calls.pulls[HERE]), calls.deadlines) == (pulls, [])
    subscribed.pass_by(0.5)
    assert calls.deadlines == [(f"2@{number}#1", 0) for number in range(1, 36)]
    assert calls.pulls[HERE][-1].most == 35
    assert late not in subscribed.partitions.waiting()
    again = subscribed.take(*messages("2", 1, 2))
    assert bodies(again) == [b"2@1", b"2@2"], "what was given back comes again"


def test_a_key_that_gets_on_is_kept_however_much_there_is(
    subscribed: Subscribed, calls: SentCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that is busy with a backlog gives nothing back."""
    monkeypatch.setattr(pubsub_pull, "HELD_AT_MOST", 50)
    found = subscribed.take(*messages("1", 1, 50))
    subscribed.leave_waiting("1")
    for record in found[:3]:
        calls.time += STUCK_SECONDS - 1
        subscribed.source.commit({record.place: record.offset + 1})
        subscribed.pass_by(0.1)
    assert [seconds for _, seconds in calls.deadlines if seconds == 0] == []


def test_what_waits_for_too_long_is_given_back(subscribed: Subscribed, calls: SentCalls) -> None:
    """Another process may be able to handle it; the key begins anew when it comes again."""
    subscribed.partitions.add(subscribed.take(message("1", 1), message("1", 2)))
    subscribed.leave_waiting("1")
    subscribed.pass_by(HELD_SECONDS - 1)
    assert subscribed.partitions.waiting() == {TopicPartition(HERE, "1")}
    subscribed.pass_by(1)
    assert calls.deadlines[-2:] == [("1@1#1", 0), ("1@2#1", 0)]
    assert subscribed.partitions.waiting() == set()


def test_closing_gives_back_what_is_held_and_what_is_on_its_way(calls: SentCalls) -> None:
    """An answer that nobody read would keep its key from everyone until its deadline."""
    subscribed = Subscribed(calls, HERE, THERE)
    found = subscribed.take(message("1", 1), message("1", 2))
    subscribed.source.commit({found[0].place: found[1].offset})
    calls.time += PACE_SECONDS
    subscribed.source.take(500, 0)
    calls.pulls[HERE][-1].answer(message("2", 1))
    threading.Timer(0.05, calls.pulls[THERE][-1].answer, [message("3", 1)]).start()
    subscribed.source.close()
    assert sorted(calls.deadlines) == [("1@2#1", 0), ("2@1#1", 0), ("3@1#1", 0)]


def test_closing_does_not_wait_for_an_answer_that_does_not_come(
    subscribed: Subscribed, calls: SentCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pub/Sub hangs: the pull is given up. It is down: that is logged, and no more."""
    monkeypatch.setattr(pubsub_pull, "CLOSE_SECONDS", 0.05)
    subscribed.take(message("1", 1))
    calls.time += PACE_SECONDS
    subscribed.source.take(500, 0)
    calls.down = True
    subscribed.source.close()
    assert calls.pulls[HERE][-1].cancelled
    assert calls.deadlines == []


@pytest.mark.parametrize(
    ("answer", "pause"), [(0, EMPTY_SECONDS), (1, PACE_SECONDS), (FULL - 1, PACE_SECONDS), (FULL, 0.0)]
)
def test_pulls_follow_one_another_at_a_pace(
    subscribed: Subscribed, calls: SentCalls, answer: int, pause: float
) -> None:
    """A backlog is pulled at once, few messages gather, and a server that answers with nothing is not asked hotly."""
    subscribed.take(*messages("1", 1, answer))
    assert len(calls.pulls[HERE]) == 1
    if pause:
        subscribed.pass_by(0.9 * pause)
        assert len(calls.pulls[HERE]) == 1
    subscribed.pass_by(0.1 * pause)
    assert len(calls.pulls[HERE]) == 2


def test_there_is_one_pull_of_a_subscription_at_a_time(calls: SentCalls) -> None:
    """One that waits for messages keeps nobody waiting: not the other subscription, nor what is to be retried."""
    subscribed = Subscribed(calls, HERE, THERE)
    for _ in range(3):
        subscribed.pass_by(EMPTY_SECONDS)
    assert [len(calls.pulls[name]) for name in (HERE, THERE)] == [1, 1]
    assert bodies(subscribed.take(message("1", 1), of=THERE)) == [b"1@1"]


def test_taking_waits_for_an_answer_and_ends_with_it(calls: SentCalls) -> None:
    """As soon as it is there, whichever subscription's it is; without one after the time that was given."""
    source = PullSubscriber(calls, {HERE: HERE, THERE: THERE}, Partitions("tests", Taken()))
    assert source.take(500, 0.01) == []
    threading.Timer(0.05, calls.pulls[THERE][0].answer, [message("1", 1)]).start()
    began = time.monotonic()
    assert bodies(source.take(500, PATIENCE_SECONDS)) == [b"1@1"]
    assert time.monotonic() - began < PATIENCE_SECONDS / 2


def test_a_pull_that_is_due_begins_while_taking_waits(calls: SentCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace of pulls is not that of looks."""
    source = PullSubscriber(calls, {HERE: HERE}, Partitions("tests", Taken()))
    source.take(500, 0)
    calls.pulls[HERE][0].answer(message("1", 1))
    source.take(500, 0)
    answering = calls.pull

    def answered(subscription: str, most: int, wake: Callable[[], None]) -> SentPull:
        pull = answering(subscription, most, wake)
        pull.answer(message("1", 2))
        return pull

    monkeypatch.setattr(calls, "pull", answered)
    assert bodies(source.take(500, PATIENCE_SECONDS)) == [b"1@2"]


def test_pubsub_that_is_down_is_unavailable(subscribed: Subscribed, calls: SentCalls) -> None:
    """The consumer begins anew, a while later."""
    subscribed.source.take(500, 0)
    calls.pulls[HERE][-1].answer(failure=Unavailable("Pub/Sub is down"))
    with pytest.raises(Unavailable, match="is down"):
        subscribed.source.take(500, 0)


def test_a_key_can_come_back_after_its_last_message(subscribed: Subscribed, calls: SentCalls) -> None:
    """It is forgotten when it has no messages, so that keys do not add up, and its next one is handled."""
    for number in (1, 2):
        subscribed.partitions.add(subscribed.take(message("1", number)))
        subscribed.partitions.work(threading.Event())
        handled = subscribed.partitions.handled()
        assert subscribed.source.commit(handled)
        subscribed.partitions.committed(handled)
        assert subscribed.partitions.revoked([TopicPartition(HERE, "1")]) == {}
        calls.time += PACE_SECONDS
    assert subscribed.taken.done == [b"1@1", b"1@2"]
    assert calls.acknowledged == ["1@1#1", "1@2#1"]


def test_a_message_that_is_refused_holds_up_only_its_key_and_is_given_back_at_the_end(calls: SentCalls) -> None:
    """The whole loop: others are handled and acknowledged, together where they can be."""
    taken, stop = Taken(), threading.Event()
    taken.refused = {b"1@2"}
    partitions = Partitions("tests", taken)
    source = PullSubscriber(calls, {HERE: HERE}, partitions)
    source.take(500, 0)
    calls.pulls[HERE][-1].answer(*messages("1", 1, 3), *messages("2", 1, 3))
    ended = threading.Thread(target=consume, args=(source, partitions, stop))
    ended.start()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(calls.acknowledged) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stop.set()
    ended.join(PATIENCE_SECONDS)
    assert not ended.is_alive()
    calls.pulls[HERE][-1].answer()
    source.close()
    assert sorted(calls.acknowledged) == ["1@1#1", "2@1#1", "2@2#1", "2@3#1"]
    assert calls.deadlines == [("1@2#1", 0), ("1@3#1", 0)]
