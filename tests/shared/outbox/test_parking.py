"""Events that cannot be applied are parked with a reason, block no other stream, and are retried."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.events import StoredEvent
from shared.errors import Contended, OutcomeUnknown, Refusal, Unavailable, summary
from shared.outbox.effects import UndecodableEvent
from shared.outbox.inbox import GAP_WAIT, RETRY_FIRST, UNAVAILABLE_FOR
from shared.outbox.log import SQL, StreamPart
from shared.postgres.database import Database
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, nobody, source
from tests.shared.outbox.sample_events import TYPE, event, stream

ATTEMPTS = 3


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer that gives up an event after three defects."""
    return Consumer(database, clock, ATTEMPTS)


@pytest.fixture
def name() -> str:
    """A stream."""
    return stream()


def defect() -> Exception:
    return KeyError("an email@example.org that nobody has to read")


def fails(consumer: Consumer, *events: StoredEvent) -> None:
    """Deliver events of which each fails."""
    for each in events:
        with pytest.raises((KeyError, Refusal, Unavailable, Contended, UndecodableEvent)):
            consumer.receive(each)


def release(database: Database, clock: FakeClock, consumer: Consumer, *streams: str) -> None:
    """What a redrive does in the consumer's database."""
    with database.transaction() as transaction:
        SQL.release_inbox(transaction, consumer=consumer.name, released=list(streams))
        SQL.release_parked(
            transaction, consumer=consumer.name, released=list(streams), now=clock.now(), per_second=1000
        )


def waiting(database: Database, consumer: Consumer) -> list[dict[str, Any]]:
    """The streams of a consumer in which something is parked."""
    with database.transaction() as transaction:
        rows: list[dict[str, Any]] = SQL.list_parked(transaction, consumer=consumer.name, after=None, most=100)
    return rows


@pytest.mark.parametrize("failure", [defect, lambda: Refusal("never")], ids=["defect", "refusal"])
def test_what_fails_too_often_is_parked(consumer: Consumer, name: str, failure: Any) -> None:
    """It is delivered again until its last attempt, and that one acknowledges it, without an effect."""
    consumer.failing, consumer.failure = {2}, failure
    assert consumer.receive(event(name, 1)) == ["applied"]
    poison = event(name, 2)
    fails(consumer, *[poison] * (ATTEMPTS - 1))
    assert consumer.parked(name) == []
    assert consumer.receive(poison) == ["parked"]
    assert consumer.parked(name) == [(2, "failed")]
    assert consumer.versions(name) == [1]
    assert consumer.effects() == 1


def test_what_is_parked_is_not_tried_by_deliveries(consumer: Consumer, name: str) -> None:
    """A repeat of it is acknowledged, and what follows in its stream waits behind it, in whatever order it comes."""
    consumer.failing, consumer.failure = {1}, defect
    fails(consumer, *[event(name, 1)] * (ATTEMPTS - 1))
    assert consumer.receive(*(event(name, n) for n in (1, 1, 3, 2))) == ["parked"] * 4
    consumer.failing = set()
    assert consumer.receive(*(event(name, n) for n in (1, 2, 3))) == ["parked"] * 3
    assert consumer.effects() == 0
    assert consumer.parked(name) == [(1, "failed"), (2, "gap"), (3, "gap")]


def test_a_poison_message_among_good_ones_costs_only_its_stream(consumer: Consumer, clock: FakeClock) -> None:
    """All others are applied, before, between and after its attempts; its worker leaves it for a person."""
    names = [stream() for _ in range(5)]
    poison = names.pop()
    consumer.failing, consumer.failure = {2}, defect
    consumer.receive(*(event(name, 1) for name in [*names, poison]))
    fails(consumer, *[event(poison, 2)] * (ATTEMPTS - 1))
    assert consumer.receive(event(poison, 2)) == ["parked"]
    consumer.failing = set()
    assert consumer.receive(*(event(name, 2) for name in names)) == ["applied"] * 4
    clock.pass_by(seconds=10_000)
    assert consumer.inbox.fill_gaps(nobody) == 0
    assert consumer.versions(poison) == [1]


def test_a_consumer_that_always_fails_parks_everything(consumer: Consumer) -> None:
    """No stream is lost, none blocks: each is given up after its own attempts."""
    names = [stream() for _ in range(4)]
    consumer.failing, consumer.failure = {1}, defect
    for _ in range(ATTEMPTS - 1):
        fails(consumer, *(event(name, 1) for name in names))
    assert consumer.receive(*(event(name, 1) for name in names)) == ["parked"] * 4
    assert consumer.effects() == 0
    assert all(consumer.parked(name) == [(1, "failed")] for name in names)


@pytest.mark.parametrize("failure", [Unavailable, Contended, OutcomeUnknown])
def test_what_is_not_there_yet_is_no_defect(
    failure: type[Exception], consumer: Consumer, clock: FakeClock, name: str
) -> None:
    """However often it is tried, it is delivered again; when that goes on for long, it is parked, and tried again."""
    consumer.failing, consumer.failure = {1}, failure
    fails(consumer, *[event(name, 1)] * (ATTEMPTS * 2))
    clock.pass_by(seconds=UNAVAILABLE_FOR.total_seconds() - 1)
    fails(consumer, event(name, 1))
    clock.pass_by(seconds=1)
    assert consumer.receive(event(name, 1), event(name, 2)) == ["parked", "parked"]
    assert consumer.parked(name) == [(1, "unavailable"), (2, "gap")]
    assert consumer.inbox.fill_gaps(nobody) == 0  # it is not due
    clock.pass_by(seconds=RETRY_FIRST.total_seconds())
    assert consumer.inbox.fill_gaps(nobody) == 0  # it fails
    assert consumer.inbox.fill_gaps(nobody) == 0  # it is not due again
    consumer.failing = set()
    clock.pass_by(seconds=1000)
    assert consumer.inbox.fill_gaps(nobody) == 2
    assert consumer.versions(name) == [1, 2]
    assert consumer.parked(name) == []


def test_what_was_not_there_may_turn_out_a_defect(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """Attempts while something was missing do not count as defects; defects do, wherever they happen."""
    consumer.failing = {1}
    fails(consumer, event(name, 1))
    clock.pass_by(seconds=UNAVAILABLE_FOR.total_seconds())
    assert consumer.receive(event(name, 1)) == ["parked"]
    consumer.failure = defect
    for _ in range(ATTEMPTS):
        assert consumer.parked(name) == [(1, "unavailable")]
        clock.pass_by(seconds=1000)
        consumer.inbox.fill_gaps(nobody)
    assert consumer.parked(name) == [(1, "failed")]


def test_a_success_forgets_the_failures_before_it(consumer: Consumer, name: str) -> None:
    """Each event has all of its attempts."""
    consumer.failure = defect
    for version in range(1, 6):
        consumer.failing = {version}
        fails(consumer, *[event(name, version)] * (ATTEMPTS - 1))
        consumer.failing = set()
        assert consumer.receive(event(name, version)) == ["applied"]


def test_a_failed_attempt_of_what_is_applied_by_another_does_not_count(
    consumer: Consumer, clock: FakeClock, database: Database, name: str
) -> None:
    """A COMMIT whose outcome was unknown may have been one: then nothing is parked, and the repeat is known."""
    twin = Consumer(database, clock, 1, consumer.name)

    def applied_meanwhile() -> Exception:
        other.start()
        return OSError("cut off")

    other = threading.Thread(target=lambda: twin.receive(event(name, 1)))
    consumer.failing, consumer.failure = {1}, applied_meanwhile
    with pytest.raises(OSError, match="cut off"):
        consumer.receive(event(name, 1))
    other.join()
    assert consumer.receive(event(name, 1)) == ["known"]
    assert consumer.parked(name) == []
    assert consumer.effects() == 1


def test_the_reason_is_recorded_without_secrets(consumer: Consumer, database: Database, name: str) -> None:
    """Our own errors with their text; others with their type and location only, since their text may quote secrets."""
    consumer.failing, consumer.failure = {1}, defect
    fails(consumer, *[event(name, 1)] * (ATTEMPTS - 1))
    consumer.receive(event(name, 1), event(name, 2))
    (row,) = waiting(database, consumer)
    assert (row["stream"], row["version"], row["events"], row["attempts"]) == (name, 1, 2, ATTEMPTS)
    assert (row["reason"], row["type"]) == ("failed", TYPE)
    assert row["error"].startswith("KeyError at tests/shared/outbox/")
    assert summary(Unavailable("the hold is not known yet")) == "UNAVAILABLE: the hold is not known yet"


# Redrive


def test_a_redrive_applies_in_order_and_once(
    consumer: Consumer, database: Database, clock: FakeClock, name: str
) -> None:
    """The failed one first, then all that waits behind it."""
    consumer.failing, consumer.failure = {2}, defect
    consumer.receive(event(name, 1))
    fails(consumer, *[event(name, 2)] * (ATTEMPTS - 1))
    assert consumer.receive(*(event(name, n) for n in (2, 5, 4, 3))) == ["parked"] * 4
    consumer.failing = set()
    release(database, clock, consumer, name)
    assert consumer.inbox.fill_gaps(nobody) == 4
    assert consumer.versions(name) == [1, 2, 3, 4, 5]
    assert waiting(database, consumer) == []
    assert consumer.inbox.fill_gaps(nobody) == 0


def test_what_fails_again_is_parked_again(consumer: Consumer, database: Database, clock: FakeClock, name: str) -> None:
    """At its first attempt: it had its chances. What came before it in its stream stays applied."""
    consumer.failing, consumer.failure = {1, 3}, defect
    fails(consumer, *[event(name, 1)] * (ATTEMPTS - 1))
    consumer.receive(*(event(name, n) for n in (1, 2, 3, 4)))
    for _ in range(2):
        release(database, clock, consumer, name)
        assert consumer.inbox.fill_gaps(nobody) == 0
        assert consumer.parked(name)[0] == (1, "failed")
    consumer.failing = {3}
    release(database, clock, consumer, name)
    assert consumer.inbox.fill_gaps(nobody) == 2
    for _ in range(ATTEMPTS - 1):
        clock.pass_by(seconds=1000)
        assert consumer.inbox.fill_gaps(nobody) == 0
    assert consumer.parked(name) == [(3, "failed"), (4, "gap")]
    assert consumer.versions(name) == [1, 2]


def test_redrives_and_deliveries_at_once_have_one_effect(
    database: Database, clock: FakeClock, open_database: Any
) -> None:
    """Workers, redrives and repeats of the same events, all at once: every effect once, in order."""
    consumer = Consumer(open_database(8), clock, 1)
    names = [stream() for _ in range(6)]
    consumer.failing, consumer.failure = {1}, defect
    for name in names:
        assert consumer.receive(*(event(name, n) for n in (1, 2, 3))) == ["parked"] * 3
    consumer.failing = set()

    def go(number: int) -> None:
        at_once.wait()
        if number % 2:
            for name in names:
                consumer.receive(*(event(name, n) for n in (3, 2, 1)))
        else:
            release(database, clock, consumer, *names)
            consumer.inbox.fill_gaps(source(*(event(name, n) for name in names for n in (1, 2, 3))))

    at_once = threading.Barrier(6, timeout=10)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(go, range(6)))
    clock.pass_by(seconds=1000)
    consumer.inbox.fill_gaps(nobody)
    assert all(consumer.versions(name) == [1, 2, 3] for name in names)
    assert consumer.effects() == 18


def test_a_redrive_is_spread_over_time(consumer: Consumer, database: Database, clock: FakeClock) -> None:
    """So many streams a second, so that what was parked in an outage does not come back all at once."""
    names = [stream() for _ in range(10)]
    consumer.failing, consumer.failure = {1}, defect
    for name in names:
        fails(consumer, *[event(name, 1)] * (ATTEMPTS - 1))
        consumer.receive(event(name, 1))
    consumer.failing = set()
    with database.transaction() as transaction:
        SQL.release_inbox(transaction, consumer=consumer.name, released=names)
        SQL.release_parked(transaction, consumer=consumer.name, released=names, now=clock.now(), per_second=2)
    assert consumer.inbox.fill_gaps(nobody) == 1
    clock.pass_by(seconds=1)
    assert consumer.inbox.fill_gaps(nobody) == 2
    clock.pass_by(seconds=10)
    assert consumer.inbox.fill_gaps(nobody) == 7


# What cannot be read


def unreadable(name: str, version: int) -> StoredEvent:
    """An event whose data does not fit its contract."""
    good = event(name, version)
    return StoredEvent(id=good.id, type=TYPE, stream=name, version=version, at=good.at, data={"claim_id": 5})


def test_what_was_spoilt_on_its_way_is_read_from_its_source(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """Also when it is the last of its stream, so that no later event shows that one is missing."""
    fails(consumer, unreadable(name, 1))
    consumer.inbox.note_gap(unreadable(name, 1))
    assert consumer.receive(unreadable(name, 2)) == ["parked"]  # nobody has looked into it
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    assert consumer.inbox.fill_gaps(source(event(name, 1), event(name, 2))) == 2
    assert consumer.parked(name) == []
    consumer.inbox.note_gap(unreadable(name, 2))
    assert consumer.parked(name) == []  # it is known


def test_a_good_delivery_takes_the_place_of_a_spoilt_one(consumer: Consumer, name: str) -> None:
    """Whether it comes in its turn or before it."""
    consumer.inbox.note_gap(unreadable(name, 2))
    assert consumer.receive(event(name, 2), event(name, 1)) == ["parked", "applied"]
    assert consumer.versions(name) == [1, 2]
    consumer.inbox.note_gap(unreadable(name, 3))
    assert consumer.receive(event(name, 3)) == ["applied"]


def test_what_its_source_has_spoilt_is_a_defect(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """It is read again, and then parked for a person to look at."""
    consumer.inbox.note_gap(unreadable(name, 1))
    for _ in range(ATTEMPTS):
        assert consumer.parked(name) == [(1, "unread")]
        clock.pass_by(seconds=1000)
        assert consumer.inbox.fill_gaps(source(unreadable(name, 1))) == 0
    assert consumer.parked(name) == [(1, "failed")]


def test_the_worker_looks_less_and_less_often(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """A stream whose source has nothing is retried with exponential backoff, within bounds."""
    consumer.receive(event(name, 2))
    reads: list[timedelta] = []
    began = clock.now()

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        reads.append(clock.now() - began)
        return StreamPart([], 0)

    for _ in range(2000):
        clock.pass_by(seconds=1)
        consumer.inbox.fill_gaps(read)
    assert 8 <= len(reads) <= 15
