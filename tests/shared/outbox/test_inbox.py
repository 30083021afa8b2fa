"""Each event of a stream has its effect once and in order, however it is delivered."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.errors import Malformed, Unavailable
from shared.outbox.inbox import GAP_WAIT
from shared.outbox.log import SQL, StreamPart
from shared.postgres.database import Database
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, nobody, source
from tests.shared.outbox.sample_events import FOREIGN, TYPE, event, stream


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer that no other test has."""
    return Consumer(database, clock)


@pytest.fixture
def name() -> str:
    """A stream."""
    return stream()


def test_an_event_has_its_effect_once(consumer: Consumer, name: str) -> None:
    """A repeat is known, and has none."""
    first = event(name, 1)
    assert consumer.receive(first, first, first) == ["applied", "known", "known"]
    assert consumer.effects() == 1


def test_what_is_old_is_acknowledged(consumer: Consumer, name: str) -> None:
    """An event before the last one applied is known, also under another id: the version is what counts."""
    assert consumer.receive(*(event(name, n) for n in (1, 2, 3))) == ["applied"] * 3
    assert consumer.receive(*(event(name, n) for n in (1, 2, 3))) == ["known"] * 3
    assert consumer.effects() == 3


def test_a_gap_is_parked_and_then_drained_in_order(consumer: Consumer, name: str) -> None:
    """What comes too early waits, without an effect, until what is missing has come."""
    assert consumer.receive(*(event(name, n) for n in (1, 3, 5, 4))) == ["applied", "parked", "parked", "parked"]
    assert consumer.versions(name) == [1]
    assert consumer.receive(event(name, 2)) == ["applied"]
    assert consumer.versions(name) == [1, 2, 3, 4, 5]
    assert consumer.effects() == 5


def test_a_gap_in_one_stream_holds_up_no_other(consumer: Consumer, name: str) -> None:
    """Other streams go on."""
    other = stream()
    assert consumer.receive(event(name, 2), event(other, 1), event(other, 2)) == ["parked", "applied", "applied"]


def test_consumers_know_nothing_of_one_another(consumer: Consumer, database: Database, clock: FakeClock) -> None:
    """Each has its own place in a stream."""
    name, other = stream(), Consumer(database, clock)
    assert consumer.receive(event(name, 1), event(name, 2)) == ["applied", "applied"]
    assert other.receive(event(name, 2), event(name, 1)) == ["parked", "applied"]
    assert (consumer.effects(), other.effects()) == (2, 2)


def test_a_parked_event_that_is_delivered_again_is_parked_once(consumer: Consumer, name: str) -> None:
    """The repeat changes nothing, and has no effect later."""
    assert consumer.receive(event(name, 2), event(name, 2), event(name, 1)) == ["parked", "parked", "applied"]
    assert consumer.receive(event(name, 2)) == ["known"]
    assert consumer.versions(name) == [1, 2]


@given(st.data())
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_order_of_delivery_comes_to_the_same(database: Database, data: st.DataObject) -> None:
    """Events of two streams, each delivered once or more in any order, have their effects once and in order.

    In one of the streams every other event is foreign; Kafka delivers those too, and a relay of before addressing.
    """
    consumer = Consumer(database, FakeClock())
    plain, mixed = stream(), stream()
    events = [event(plain, version) for version in range(1, 5)]
    events += [event(mixed, 1), event(mixed, 3, prior=1), *(event(mixed, version, FOREIGN) for version in (2, 4))]
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=6))
    consumer.receive(*data.draw(st.permutations(events + repeats)))
    assert consumer.versions(plain) == [1, 2, 3, 4]
    assert consumer.versions(mixed) == [1, 3]
    assert consumer.receive(*events) == ["known"] * 6 + ["foreign"] * 2
    assert consumer.effects() == 6


def test_a_foreign_type_is_left_untouched(consumer: Consumer, database: Database, name: str) -> None:
    """It is acknowledged without a trace, whatever its version, and what follows it needs it not."""
    assert consumer.receive(event(name, 7, FOREIGN), event(stream(), 1, FOREIGN)) == ["foreign", "foreign"]
    with database.transaction() as transaction:
        assert transaction.run("select stream from inbox where consumer = :name", {"name": consumer.name}) == []
    assert consumer.receive(event(name, 8, prior=0)) == ["applied"]


def test_an_event_follows_the_last_one_that_is_handled(consumer: Consumer, name: str) -> None:
    """Not the version before: in between may be foreign ones. One whose prior has not come waits for it."""
    assert consumer.receive(event(name, 9, prior=5)) == ["parked"]
    assert consumer.receive(event(name, 2, prior=0), event(name, 5, prior=2)) == ["applied", "applied"]
    assert (consumer.versions(name), consumer.parked(name)) == ([2, 5, 9], [])
    assert consumer.receive(event(name, 5, prior=2), event(name, 9, prior=5)) == ["known", "known"]


def test_an_event_of_an_earlier_relay_is_read_with_what_it_follows(
    consumer: Consumer, clock: FakeClock, name: str
) -> None:
    """It does not say its prior: between what was applied and it there may be foreign ones, or a loss."""
    assert consumer.receive(event(name, 1), event(name, 4)) == ["applied", "parked"]
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    foreign = [event(name, 2, FOREIGN), event(name, 3, FOREIGN)]
    assert consumer.inbox.fill_gaps(source(event(name, 1), *foreign, event(name, 4))) == 1
    assert (consumer.versions(name), consumer.parked(name)) == ([1, 4], [])


def test_where_the_source_has_nothing_more_the_stream_is_passed_over(
    consumer: Consumer, database: Database, clock: FakeClock, name: str
) -> None:
    """A prior that lies too far back is unknown, so that an event waits for 600 foreign ones: one read ends that."""
    assert consumer.receive(event(name, 1), event(name, 602)) == ["applied", "parked"]
    reads: list[int] = []

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        reads.append(from_version)
        return StreamPart([], 601)  # the event itself came before its source's answer could have it

    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    assert consumer.inbox.fill_gaps(read) == 1
    assert (consumer.versions(name), consumer.parked(name), reads) == ([1, 602], [], [2])


def test_a_rebuild_while_a_stream_is_passed_over_loses_nothing(
    consumer: Consumer, database: Database, clock: FakeClock, name: str
) -> None:
    """The inbox was reset after the source was read: what was read says nothing of what is to be applied again."""
    consumer.receive(event(name, 1), event(name, 9))
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    listed = to_json([{"stream": name, "type": TYPE, "version": 1}]).decode()

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        with database.transaction() as transaction:
            SQL.forget_places(transaction, consumer=consumer.name, streams=listed)
        return StreamPart([], 8)

    assert consumer.inbox.fill_gaps(read) == 0
    (row,) = places(database, consumer)
    assert row["version"] == 0
    assert consumer.parked(name) == [(9, "gap")]


def places(database: Database, consumer: Consumer) -> list[dict[str, Any]]:
    """A consumer's inbox."""
    with database.transaction() as transaction:
        return transaction.run("select stream, version from inbox where consumer = :name", {"name": consumer.name})


def test_a_failure_leaves_nothing(consumer: Consumer, name: str) -> None:
    """Effect and place in the stream are undone together, so that the next delivery is the first."""
    consumer.failing = {1}
    for _ in range(3):
        with pytest.raises(Unavailable):
            consumer.receive(event(name, 1))
    assert consumer.effects() == 0
    assert consumer.receive(event(name, 2)) == ["parked"]
    consumer.failing = set()
    assert consumer.receive(event(name, 1)) == ["applied"]
    assert consumer.versions(name) == [1, 2]


def test_a_failure_behind_a_gap_keeps_what_was_applied(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """When a parked event fails, the one that came stays applied, and the parked one is tried again later."""
    consumer.failing = {2}
    assert consumer.receive(event(name, 2)) == ["parked"]
    assert consumer.receive(event(name, 1)) == ["applied"]
    assert consumer.versions(name) == [1]
    assert consumer.receive(event(name, 1)) == ["known"]
    consumer.failing = set()
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    consumer.inbox.fill_gaps(nobody)
    assert consumer.versions(name) == [1, 2]


def test_data_that_cannot_be_read_leaves_nothing(consumer: Consumer, name: str) -> None:
    """An event that does not fit its contract is Malformed, and its stream waits."""
    spoilt = StoredEvent(id="evt_us_1", type=TYPE, stream=name, version=1, at=event(name, 1).at, data={"claim_id": 5})
    with pytest.raises(Malformed):
        consumer.receive(spoilt)
    assert consumer.receive(event(name, 1)) == ["applied"]


def test_an_effect_follows_the_trail_of_its_request(consumer: Consumer, name: str) -> None:
    """The id of the request that caused an event is at work in its effects."""
    consumer.receive(event(name, 1, request_id="request-1"), event(name, 2, request_id="request-2"))
    assert consumer.trails == ["request-1", "request-2"]


# Gaps


def test_a_gap_is_filled_from_its_source_after_a_while(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """What is missing may still come by itself; after that it is read from the service that owns the stream."""
    assert consumer.receive(event(name, 3)) == ["parked"]
    clock.pass_by(seconds=GAP_WAIT.total_seconds() - 1)
    assert consumer.inbox.fill_gaps(nobody) == 0
    clock.pass_by(seconds=2)
    assert consumer.inbox.fill_gaps(source(event(name, 1), event(name, 2))) == 2
    assert consumer.versions(name) == [1, 2, 3]
    assert consumer.inbox.fill_gaps(nobody) == 0
    assert consumer.receive(*(event(name, n) for n in (1, 2, 3))) == ["known"] * 3


def test_a_gap_in_the_middle_is_read_from_where_it_begins(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """Nothing already applied is read again, and events that the source returns beyond the gap are applied too."""
    consumer.receive(*(event(name, n) for n in (1, 2, 5)))
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    reads: list[int] = []

    def read(event_type: str, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        reads.append(from_version)
        return StreamPart([event(stream, n) for n in range(from_version, 8)], 7)

    consumer.inbox.fill_gaps(read)
    assert reads == [3]
    assert consumer.versions(name) == [1, 2, 3, 4, 5, 6, 7]


def test_two_gaps_of_one_stream(consumer: Consumer, clock: FakeClock, name: str) -> None:
    """A source that returns only a part, because there is too much for one page, leaves the rest parked."""
    consumer.receive(event(name, 2), event(name, 5))
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    assert consumer.inbox.fill_gaps(source(event(name, 1), event(name, 2), event(name, 3))) == 2
    assert consumer.versions(name) == [1, 2, 3]
    assert consumer.inbox.fill_gaps(source(*(event(name, n) for n in range(1, 6)))) == 1
    assert consumer.versions(name) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("failure", [Unavailable("down"), KeyError("a defect")], ids=["down", "defect"])
def test_a_gap_that_cannot_be_filled_holds_up_no_other(
    failure: Exception, consumer: Consumer, clock: FakeClock
) -> None:
    """A source that is down, or an event that fails for ever, costs its own stream only."""
    names = [stream() for _ in range(5)]
    consumer.receive(*(event(name, 2) for name in names))
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    stuck = names[2]

    def read(event_type: str, name: str, from_version: int, types: Sequence[str]) -> StreamPart:
        if name == stuck:
            raise failure
        return StreamPart([event(name, 1)], 2)

    assert consumer.inbox.fill_gaps(read) == 4
    assert consumer.versions(stuck) == []
    assert all(consumer.versions(name) == [1, 2] for name in names if name != stuck)
    assert consumer.inbox.fill_gaps(nobody) == 0  # it is not asked for all the time
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 2)
    assert consumer.inbox.fill_gaps(source(event(stuck, 1))) == 1
    assert consumer.versions(stuck) == [1, 2]


# Races


def test_deliveries_at_once_have_one_effect(open_database: Callable[..., Database], clock: FakeClock) -> None:
    """The same event, delivered eight times at once: one delivery applies it, seven know it."""
    consumer = Consumer(open_database(8), clock)
    for _ in range(5):
        same = event(stream(), 1)
        at_once = threading.Barrier(8, timeout=10)

        def receive(_: int, same: StoredEvent = same, at_once: threading.Barrier = at_once) -> str:
            at_once.wait()
            return consumer.inbox.receive(same)

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(receive, range(8))) == ["applied"] + ["known"] * 7
    assert consumer.effects() == 5


def test_a_stream_delivered_at_once_is_applied_in_order(
    open_database: Callable[..., Database], clock: FakeClock
) -> None:
    """Whatever races with whatever, nothing stays parked behind something that has come."""
    consumer = Consumer(open_database(8), clock)
    for _ in range(10):
        name = stream()
        at_once = threading.Barrier(8, timeout=10)

        def receive(version: int, name: str = name, at_once: threading.Barrier = at_once) -> str:
            at_once.wait()
            return consumer.inbox.receive(event(name, version))

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(receive, range(1, 9)))
        assert set(outcomes) <= {"applied", "parked"}
        assert consumer.versions(name) == [1, 2, 3, 4, 5, 6, 7, 8]


# Many at once


def test_many_events_share_a_transaction(database: Database, clock: FakeClock) -> None:
    """Of several streams, repeats and what does not concern the consumer among them; what is behind them follows."""
    consumer, first, second = Consumer(database, clock), stream(), stream()
    assert consumer.receive(event(second, 3)) == ["parked"]
    events = [event(first, 1), event(second, 1), event(first, 1), event(first, 2, FOREIGN), event(second, 2)]
    outcomes = ["applied", "applied", "known", "foreign", "applied", "applied"]
    assert consumer.inbox.receive_batch([*events, event(first, 3, prior=1)]) == outcomes
    assert (consumer.applied(first), consumer.applied(second)) == ([1, 3], [1, 2, 3])
    assert consumer.inbox.receive_batch(events) == ["known", "known", "known", "foreign", "known"]
    assert consumer.inbox.receive_batch([event(first, 2, FOREIGN)]) == ["foreign"]
    assert consumer.effects() == 5


@pytest.mark.parametrize("failing", [2, 0])
def test_as_soon_as_one_cannot_be_applied_none_is(database: Database, clock: FakeClock, failing: int) -> None:
    """One fails, or one is missing: nothing was done, and each has to be taken by itself."""
    consumer, name, other = Consumer(database, clock), stream(), stream()
    consumer.failing = {failing}
    assert consumer.inbox.receive_batch([event(other, 1), event(name, 1), event(name, 2 if failing else 3)]) is None
    assert consumer.effects() == 0
    assert consumer.parked(name) == []
    consumer.failing = set()
    assert consumer.receive(event(other, 1), event(name, 1)) == ["applied", "applied"]
