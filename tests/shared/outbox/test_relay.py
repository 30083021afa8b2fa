"""Committed events are published in order per stream, whatever fails, and none is skipped."""

import itertools
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from pg8000.core import CoreConnection

from emulators.waiting import until
from shared.bus import pubsub
from shared.bus.transport import AddressedEvent, EventBus
from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from shared.money import Amount
from shared.outbox import relay as relaying
from shared.outbox.log import EventLog, Fact
from shared.outbox.relay import GuardedBus, Pace, Relay, measure_unsent
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.postgres.gate import Gate
from shared.postgres.notify import discard
from shared.resilience.breakers import Breakers
from shared.resources import Resources
from tests.clocks import FakeClock
from tests.kafka import Broker
from tests.shared.outbox.buses import BrokerBus, Bus, EmulatorBus, RecordingBus
from tests.shared.outbox.sample_events import (
    AT,
    ROW,
    Claimed,
    Foreign,
    Kept,
    Priced,
    Unroutable,
    claimed_events,
    event,
    stream,
)
from tests.stall_proxy import StallProxy

PATIENCE_SECONDS = 20.0

Lead = Callable[[EventBus], Relay]


pytestmark = pytest.mark.usefixtures("nothing_unsent")


@pytest.fixture
def emulator(resources: Resources) -> EmulatorBus:
    """Pub/Sub's emulator, whose address the stack's resources have set."""
    return EmulatorBus(resources.settings)


@pytest.fixture
def recording() -> RecordingBus:
    """A bus that remembers."""
    return RecordingBus()


@pytest.fixture
def kafka(resources: Resources, broker: Broker) -> Iterator[BrokerBus]:
    """Kafka."""
    bus = BrokerBus(resources.settings, broker)
    yield bus
    bus.close()


@pytest.fixture(params=["recording", "emulator", "kafka"])
def bus(request: pytest.FixtureRequest) -> Bus:
    """One after the other, each transport."""
    found: Bus = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def led(database: Database) -> Iterator[Lead]:
    """Makes relays that lead by sessions of the test's, which end with it."""
    sessions: list[CoreConnection] = []

    def lead(bus: EventBus) -> Relay:
        relay = Relay("claiming", database, bus)
        sessions.append(database.dedicated())
        relay.lead(sessions[-1])
        return relay

    yield lead
    for each in sessions:
        discard(each)


def relay_of(database: Database, bus: Bus) -> Relay:
    """A relay that has not begun."""
    return Relay("claiming", database, bus)


def append(database: Database, name: str, after: int, *new: Fact) -> None:
    """Commit facts of a stream."""
    with database.transaction() as transaction:
        EventLog(transaction, "us", AT).append(name, after, new)


def unsent(database: Database) -> list[tuple[str, int]]:
    """The events that wait, as (stream, version) in their order."""
    with database.transaction() as transaction:
        rows = transaction.run("select stream, version from unsent order by position", {})
    return [(row["stream"], row["version"]) for row in rows]


def versions(bus: Bus, name: str, count: int) -> list[int]:
    """The versions of a stream in the order of their delivery."""
    return [event.version for event in bus.delivered([name], count)]


def publish(relay: Relay) -> None:
    """Publish all that can be, and delete it."""
    while relay.drain():
        pass
    relay.settle()


def drained(relay: Relay, database: Database, left: Sequence[tuple[str, int]] = ()) -> None:
    """Let the relay work as it does, again and again, until no more than this is unsent: a transport may be slow."""

    def waiting() -> list[tuple[str, int]]:
        relay.drain()
        return unsent(database)

    until(waiting, lambda found: found == list(left))


def arrived(bus: Bus, names: Collection[str], count: int) -> list[StoredEvent]:
    """So many events as they were delivered; what a slow transport was given again counts once."""
    most = count
    while True:
        found: dict[tuple[str, int], StoredEvent] = {}
        for each in bus.delivered(names, most):
            found.setdefault((each.stream, each.version), each)
        if len(found) >= count:
            return list(found.values())
        most += 1


def numbers(bus: Bus, name: str, count: int) -> list[int]:
    """The versions of a stream as they arrived."""
    return [event.version for event in arrived(bus, [name], count)]


# The suite of every transport


def test_streams_arrive_in_order(database: Database, led: Lead, bus: Bus) -> None:
    """Each event once, as it was recorded, in version order per stream; then nothing is left to publish."""
    names = [stream() for _ in range(6)]
    for version in range(1, 11):
        for name in names:
            append(database, name, version - 1, *claimed_events(name, version, 1))
    drained(led(bus), database)
    delivered = arrived(bus, names, 60)
    assert len(delivered) == 60
    for name in names:
        of_stream = [event for event in delivered if event.stream == name]
        assert [(event.version, event.data["order_id"]) for event in of_stream] == [(n, str(n)) for n in range(1, 11)]


def test_what_fails_waits_and_holds_up_nothing_else(database: Database, led: Lead, bus: Bus) -> None:
    """A topic that takes nothing costs no other topic, and its events go out in order when it does again."""
    claim, order = stream(), stream()
    bus.break_topic("claim-events")
    for version in (1, 2, 3):
        append(database, claim, version - 1, *claimed_events(claim, version, 1))
        append(database, order, version - 1, Priced(order, Amount(version)))
    relay = led(bus)
    drained(relay, database, [(claim, 1), (claim, 2), (claim, 3)])
    assert numbers(bus, order, 3) == [1, 2, 3]
    relay.drain()
    assert unsent(database) == [(claim, 1), (claim, 2), (claim, 3)]
    bus.mend_topic("claim-events")
    append(database, claim, 3, *claimed_events(claim, 4, 1))
    drained(relay, database)
    assert numbers(bus, claim, 4) == [1, 2, 3, 4]
    assert numbers(bus, order, 3) == [1, 2, 3]


def test_what_pub_sub_has_batched_behind_a_failure_waits_too(emulator: EmulatorBus) -> None:
    """A key's later batches are cancelled with the one that failed: they count as unpublished, and go out in order."""
    name = stream()
    large = [
        AddressedEvent(replace(event(name, version), data={"claim_id": "x" * 600_000}), {ROW: version - 1})
        for version in (1, 2, 3)
    ]
    emulator.break_topic("claim-events")
    assert emulator.publish(large) == [False, False, False]
    emulator.mend_topic("claim-events")
    until(lambda: emulator.publish(large), lambda sent: sent == [True, True, True])
    assert numbers(emulator, name, 3) == [1, 2, 3]


def test_a_late_commit_is_not_skipped(database: Database, led: Lead, bus: Bus) -> None:
    """An event that was numbered before others but committed after them is published all the same."""
    late, early = stream(), stream()
    relay = led(bus)
    with database.transaction() as slow:
        EventLog(slow, "us", AT).append(late, 0, claimed_events(late, 1, 2))
        slow.send()  # their positions are given out
        append(database, early, 0, *claimed_events(early, 1, 2))
        drained(relay, database)
        assert numbers(bus, early, 2) == [1, 2]
    drained(relay, database)
    assert numbers(bus, late, 2) == [1, 2]


@pytest.mark.parametrize("real", ["emulator", "kafka"])
def test_an_event_that_cannot_be_published_holds_up_only_its_stream(
    database: Database, led: Lead, real: str, request: pytest.FixtureRequest
) -> None:
    """One of a type that this version does not know yet, or that is too large: the relay goes on with all others."""
    strange, large, good = stream(), stream(), stream()
    append(database, strange, 0, Unroutable(strange))
    append(database, strange, 1, *claimed_events(strange, 2, 1))
    append(database, large, 0, Claimed(large, "1", "x" * 11_000_000))
    append(database, good, 0, *claimed_events(good, 1, 3))
    bus: Bus = request.getfixturevalue(real)
    relay = led(bus)
    for _ in range(2):
        drained(relay, database, [(strange, 1), (strange, 2), (large, 1)])
    assert numbers(bus, good, 3) == [1, 2, 3]
    with database.transaction() as transaction:  # so that no other test's relay meets them
        transaction.count("delete from unsent", {})


# What only a transport that fails on demand can show


def partition_mates() -> tuple[str, str, str]:
    """Two streams that share a partition, and one of another."""
    first = stream()
    home = event(first, 1).partition()
    others = [stream() for _ in range(500)]
    mate = next(name for name in others if event(name, 1).partition() == home)
    stranger = next(name for name in others if event(name, 1).partition() != home)
    return first, mate, stranger


def test_a_failure_leaves_the_rest_of_its_partition(database: Database, led: Lead, recording: RecordingBus) -> None:
    """What came before it is done and what comes after it waits; the next try begins with what failed."""
    name, mate, stranger = partition_mates()
    append(database, name, 0, *claimed_events(name, 1, 5))
    append(database, mate, 0, *claimed_events(mate, 1, 2))
    append(database, stranger, 0, *claimed_events(stranger, 1, 2))
    recording.refused = {(name, 3)}
    relay = led(recording)
    publish(relay)
    assert versions(recording, name, 2) == [1, 2]
    assert versions(recording, stranger, 2) == [1, 2]
    assert unsent(database) == [(name, 3), (name, 4), (name, 5), (mate, 1), (mate, 2)]
    recording.refused = set()
    relay.drain()
    assert versions(recording, name, 5) == [1, 2, 3, 4, 5]
    assert versions(recording, mate, 2) == [1, 2]


def test_a_crash_publishes_again(database: Database, led: Lead, recording: RecordingBus) -> None:
    """What was published and not marked goes out once more, in order: at least once, never not at all."""
    name = stream()
    append(database, name, 0, *claimed_events(name, 1, 3))
    recording.crash = True
    with pytest.raises(ConnectionError):
        led(recording).drain()
    recording.crash = False
    publish(led(recording))
    assert versions(recording, name, 6) == [1, 2, 3, 1, 2, 3]
    assert unsent(database) == []


def test_a_backlog_is_drained_in_batches(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the backlog, a batch is bounded, and the relay reports that there is more."""
    monkeypatch.setattr(relaying, "BATCH", 10)
    name = stream()
    append(database, name, 0, *claimed_events(name, 1, 25))
    relay = led(recording)
    assert [relay.drain() for _ in range(3)] == [True, True, False]
    assert [len(batch) for batch in recording.batches] == [10, 10, 5]
    assert versions(recording, name, 25) == list(range(1, 26))


def test_a_stuck_backlog_holds_up_no_other_partition(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though more events wait for a topic that is down than a batch can hold, others go out, and in order."""
    monkeypatch.setattr(relaying, "BATCH", 10)
    stuck, other = [stream() for _ in range(3)], stream()
    recording.break_topic("claim-events")
    for name in stuck:
        append(database, name, 0, *claimed_events(name, 1, 9))
    append(database, other, 0, *(Priced(other, Amount(n)) for n in range(12)))
    relay = led(recording)
    publish(relay)
    assert versions(recording, other, 12) == list(range(1, 13))
    assert len(unsent(database)) == 27
    recording.mend_topic("claim-events")
    while relay.drain():
        pass
    assert [versions(recording, name, 9) for name in stuck] == [list(range(1, 10))] * 3


def test_a_stream_that_stands_back_is_not_overtaken_by_itself(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its first event waits, none of its later ones goes out, in this batch or the next."""
    monkeypatch.setattr(relaying, "BATCH", 4)
    name, other = stream(), stream()
    recording.refused = {(name, 1)}
    append(database, name, 0, *claimed_events(name, 1, 2))
    append(database, other, 0, *(Priced(other, Amount(n)) for n in range(3)))
    append(database, name, 2, *claimed_events(name, 3, 6))
    relay = led(recording)
    while relay.drain():
        pass
    assert [event.stream for event in recording.events] == [other] * 3
    recording.refused = set()
    while relay.drain():
        pass
    assert versions(recording, name, 8) == list(range(1, 9))


# The gate


def test_events_wait_for_the_designated_standby(own: Settings, database: Database, recording: RecordingBus) -> None:
    """Nothing leaves before it, and all does afterwards, in order."""
    owner = connector(own, "claiming", "claiming_owner")()
    hurried = itertools.count(0.0, 10.0)
    relay = Relay("claiming", database, recording, gate=Gate(database, "open", monotonic=lambda: next(hurried)))
    session = database.dedicated()
    relay.lead(session)
    name = stream()
    append(database, name, 0, *claimed_events(name, 1, 2))
    owner.execute_simple("update gate set standby = 'elsewhere'")
    try:
        with pytest.raises(Unavailable, match="standby"):
            relay.drain()
        assert unsent(database) == [(name, 1), (name, 2)]
        assert recording.delivered([name], 0) == []
    finally:
        owner.execute_simple("update gate set standby = ''")
        owner.close()
    publish(relay)
    discard(session)
    assert versions(recording, name, 2) == [1, 2]
    assert unsent(database) == []


# How often it reads


def test_what_comes_alone_is_read_at_once() -> None:
    """Nothing is gathered, however short the time since the last read."""
    pace = Pace()
    assert pace.pause(100.0) == 0
    for number in range(relaying.MANY - 1):
        pace.note(100 + number / 100, 1)
        assert pace.pause(100 + number / 100) == 0


def test_what_comes_in_numbers_is_gathered_for_a_while() -> None:
    """From the beginning of the last read on; a read that finds nothing ends it, and so does a quiet time."""
    pace = Pace()
    pace.note(100.0, relaying.MANY)
    assert pace.pause(100.02) == pytest.approx(relaying.GATHER_SECONDS - 0.02)
    assert pace.pause(100.5) == 0
    pace.note(100.1, 1)
    assert pace.pause(100.1) == pytest.approx(relaying.GATHER_SECONDS)
    pace.note(100.2, 0)
    assert pace.pause(100.2) == 0
    pace.note(100.2 + 2 * relaying.LATELY_SECONDS, 1)
    assert pace.pause(100.2 + 2 * relaying.LATELY_SECONDS) == 0


# The queue and its leader


def test_what_was_published_is_deleted_by_the_next_read(database: Database, led: Lead, recording: RecordingBus) -> None:
    """In one statement, which does not find it again, though its snapshot still has it."""
    name = stream()
    relay = led(recording)
    append(database, name, 0, *claimed_events(name, 1, 3))
    relay.drain()
    assert unsent(database) == [(name, version) for version in (1, 2, 3)]
    append(database, name, 3, *claimed_events(name, 4, 2))
    relay.drain()
    assert unsent(database) == [(name, 4), (name, 5)]
    relay.drain()
    assert unsent(database) == []
    assert versions(recording, name, 5) == [1, 2, 3, 4, 5]


def test_reads_that_find_and_delete_nothing_write_nothing(
    database: Database, led: Lead, recording: RecordingBus
) -> None:
    """An idle relay's polls draw no transaction id."""
    relay = led(recording)
    publish(relay)
    name = stream()
    with database.transaction() as transaction:
        drawn = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next"
        before = transaction.run(drawn, {})[0]["next"]
        for _ in range(20):
            relay.drain()
        assert transaction.run(drawn, {})[0]["next"] - before < 20  # others in the stack may draw some
    append(database, name, 0, *claimed_events(name, 1, 1))
    publish(relay)
    assert versions(recording, name, 1) == [1]


@pytest.mark.parametrize("delete", [Relay.drain, Relay.settle])
def test_a_deposed_leader_deletes_nothing(
    database: Database, recording: RecordingBus, led: Lead, delete: Callable[[Relay], None]
) -> None:
    """It publishes what it had read, but its session is gone: its successor publishes all of it once more."""
    name = stream()
    relay = Relay("claiming", database, recording)
    session = database.dedicated()
    relay.lead(session)
    relay.drain()
    append(database, name, 0, *claimed_events(name, 1, 3))
    (leader,) = CoreConnection.execute_simple(session, "select pg_backend_pid()").rows

    def depose() -> None:
        with database.transaction() as transaction:
            transaction.run("select pg_terminate_backend(:pid::integer, 5000) as ended", {"pid": leader[0]})

    recording.before_return = depose
    relay.drain()
    with pytest.raises(MeridianError):
        delete(relay)
    recording.before_return = lambda: None
    assert unsent(database) == [(name, version) for version in (1, 2, 3)]
    publish(led(recording))
    assert versions(recording, name, 6) == [1, 2, 3, 1, 2, 3]
    assert unsent(database) == []


def test_events_for_nobody_are_taken_from_the_queue_unpublished(
    database: Database, led: Lead, recording: RecordingBus
) -> None:
    """The bus is given them, since caches hear of changes there, and sends nothing."""
    name = stream()
    append(database, name, 0, Foreign(name, "0"), *claimed_events(name, 2, 1))
    publish(led(recording))
    assert [(each.event.version, each.to) for batch in recording.batches for each in batch] == [(1, {}), (2, {ROW: 0})]
    assert versions(recording, name, 1) == [2]
    assert unsent(database) == []


def test_what_is_kept_never_waits_and_wakes_nobody(database: Database, led: Lead, recording: RecordingBus) -> None:
    """It is in the store all the same, and counts as what came before."""
    name = stream()
    with database.transaction() as transaction:
        EventLog(transaction, "us", AT).append(name, 0, [Kept(name, "1")])
        assert not transaction.appended
    assert unsent(database) == []
    append(database, name, 1, *claimed_events(name, 2, 1))
    assert unsent(database) == [(name, 2)]
    led(recording).drain()
    assert [(each.event.version, each.to) for batch in recording.batches for each in batch] == [(2, {ROW: 0})]


def test_each_event_says_what_its_row_handled_before(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether that went out in the same batch, in an earlier one or by another relay; too far back it is unknown."""
    monkeypatch.setattr(relaying, "LOOK_BACK", 3)
    name = stream()
    append(
        database,
        name,
        0,
        Foreign(name, "0"),
        *claimed_events(name, 2, 1),
        Foreign(name, "0"),
        *claimed_events(name, 4, 1),
    )
    publish(led(recording))
    append(database, name, 4, Foreign(name, "0"), *claimed_events(name, 6, 1))
    append(database, name, 6, *(Foreign(name, "0") for _ in range(3)), *claimed_events(name, 10, 1))
    led(recording).drain()
    found = {each.event.version: each.to[ROW] for batch in recording.batches for each in batch if each.to}
    assert found == {2: 0, 4: 2, 6: 4, 10: 9}


def test_polls_begin_where_nothing_can_come_before(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a position that was assigned longer ago than a transaction lives, once all up to it is published."""
    monkeypatch.setattr(relaying, "SETTLED_AFTER_SECONDS", 0)
    monkeypatch.setattr(relaying, "FULL_EVERY_SECONDS", 3600)
    first, late, second = stream(), stream(), stream()
    relay = led(recording)
    append(database, first, 0, *claimed_events(first, 1, 2))
    relay.drain()  # in full, as always on leading; then it marks how far positions are assigned
    assert relay.floor == 0
    append(database, second, 0, *claimed_events(second, 1, 2))
    relay.drain()
    assert relay.floor > 0
    assert versions(recording, second, 2) == [1, 2]
    with database.transaction() as transaction:
        (row,) = transaction.run("select min(position) as first from events where stream = :name", {"name": second})
    assert relay.floor < row["first"]
    append(database, late, 0, *claimed_events(late, 1, 1))
    relay.drain()
    assert versions(recording, late, 1) == [1]


def test_the_floor_does_not_rise_while_anything_is_stuck(
    database: Database, led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be published stays in reach of every poll."""
    monkeypatch.setattr(relaying, "SETTLED_AFTER_SECONDS", 0)
    name = stream()
    relay = led(recording)
    relay.drain()
    recording.refused = {(name, 1)}
    append(database, name, 0, *claimed_events(name, 1, 1))
    for _ in range(3):
        relay.drain()
    before = relay.floor
    with database.transaction() as transaction:
        (row,) = transaction.run("select position from unsent where stream = :name", {"name": name})
    assert before < row["position"]
    recording.refused = set()
    relay.drain()
    assert versions(recording, name, 1) == [1]


def test_polls_step_over_nothing_that_a_long_snapshot_keeps(
    open_database: Callable[..., Database], led: Lead, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted rows that cannot be vacuumed lie below the floor, so that a poll reads next to none of the queue."""
    monkeypatch.setattr(relaying, "SETTLED_AFTER_SECONDS", 0)
    monkeypatch.setattr(relaying, "FULL_EVERY_SECONDS", 3600)
    database, other = open_database(1), open_database(1)
    relay = led(recording)
    with other.transaction() as snapshot:
        snapshot.snapshot()
        snapshot.run("select count(*) as n from unsent", {})
        for _ in range(10):
            names = [stream() for _ in range(300)]
            with database.transaction() as transaction:
                EventLog(transaction, "us", AT).append_all([(name, 1, Claimed(name, "1")) for name in names])
            while relay.drain():
                pass
            relay.drain()
        plan = "explain (analyze, buffers, format json) select position from unsent where position > :beyond"
        with database.transaction() as transaction:
            (low,) = transaction.run(plan.replace(":beyond", "0"), {})
            (high,) = transaction.run(plan.replace(":beyond", str(relay.floor)), {})
        pages = [found["QUERY PLAN"][0]["Plan"]["Shared Hit Blocks"] for found in (low, high)]
    assert pages[0] > 10 * max(1, pages[1])


def test_the_backlog_is_measured(database: Database) -> None:
    """How many events wait, and for how long the oldest."""
    clock = FakeClock(AT)
    assert measure_unsent(database, clock) == (0, 0.0)
    name = stream()
    append(database, name, 0, *claimed_events(name, 1, 3))
    clock.pass_by(seconds=90)
    assert measure_unsent(database, clock) == (3, 90.0)


# Running relays


@contextmanager
def running(relay: Relay) -> Iterator[threading.Event]:
    """A relay at work in a thread; the event that it yields ends it."""
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def leaders(database: Database) -> list[int]:
    """The server's processes that hold the lock of the leading relay of this database."""
    sql = """select pid from pg_locks where locktype = 'advisory' and granted
             and database = (select oid from pg_database where datname = current_database())"""
    with database.transaction() as transaction:
        return [row["pid"] for row in transaction.run(sql, {})]


def test_a_commit_wakes_the_relay(database: Database, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event goes out at once, though the next poll is minutes away."""
    monkeypatch.setattr(relaying, "POLL_SECONDS", 300)
    name = stream()
    with running(relay_of(database, recording)) as stop:
        until(lambda: leaders(database), bool)
        for version in (1, 2, 3):
            append(database, name, version - 1, *claimed_events(name, version, 1))
            assert versions(recording, name, version) == list(range(1, version + 1))
        stop.set()
        append(database, name, 3, *claimed_events(name, 4, 1))  # lets it notice
    assert unsent(database) == [(name, 4)]


def test_events_in_numbers_share_reads(database: Database, recording: RecordingBus) -> None:
    """They come one by one, and are published several at a time; none waits for the next poll."""
    names = [stream() for _ in range(100)]
    with running(relay_of(database, recording)):
        until(lambda: leaders(database), bool)
        for name in names:
            append(database, name, 0, *claimed_events(name, 1, 1))
        delivered = recording.delivered(names, len(names))
    assert sorted(each.stream for each in delivered) == sorted(names)
    assert max(map(len, recording.batches)) >= 4


def test_a_lost_notification_costs_no_event(
    database: Database, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay polls as well."""
    monkeypatch.setattr(relaying, "POLL_SECONDS", 0.1)
    name = stream()
    with running(relay_of(database, recording)):
        until(lambda: leaders(database), bool)
        with database.transaction() as transaction:
            EventLog(transaction, "us", AT).append(name, 0, claimed_events(name, 1, 2))
            transaction.appended = False  # so that nobody is notified
        assert versions(recording, name, 2) == [1, 2]


def test_one_of_two_relays_leads(open_database: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two relays of a database publish nothing twice; when the leader ends, the other takes over."""
    monkeypatch.setattr(relaying, "POLL_SECONDS", 0.05)
    database, buses = open_database(), [RecordingBus(), RecordingBus()]
    first, second = stream(), stream()
    with running(relay_of(database, buses[0])) as stop:
        until(lambda: leaders(database), bool)
        with running(relay_of(database, buses[1])):
            append(database, first, 0, *claimed_events(first, 1, 5))
            assert versions(buses[0], first, 5) == [1, 2, 3, 4, 5]
            assert len(leaders(database)) == 1
            leader = leaders(database)
            stop.set()
            until(lambda: leaders(database) not in ([], leader), bool)
            append(database, second, 0, *claimed_events(second, 1, 5))
            assert versions(buses[1], second, 5) == [1, 2, 3, 4, 5]
    assert {each.stream for each in buses[0].events} == {first}
    assert {each.stream for each in buses[1].events} == {second}


def test_a_leader_that_loses_its_session_leads_again(
    open_database: Callable[..., Database], recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is cut costs the relay its lock and a moment, not an event."""
    monkeypatch.setattr(relaying, "POLL_SECONDS", 0.05)
    database, name = open_database(), stream()
    with running(relay_of(database, recording)):
        until(lambda: leaders(database), bool)
        (leader,) = leaders(database)
        with database.transaction() as transaction:
            transaction.run("select pg_terminate_backend(:pid::integer, 5000) as ended", {"pid": leader})
        until(lambda: leaders(database) not in ([], [leader]), bool)
        append(database, name, 0, *claimed_events(name, 1, 3))
        assert versions(recording, name, 3) == [1, 2, 3]


def test_a_failing_bus_is_tried_again(
    database: Database, recording: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a topic is down the relay keeps trying, and publishes by itself once it is back."""
    monkeypatch.setattr(relaying, "POLL_SECONDS", 0.05)
    name = stream()
    recording.break_topic("claim-events")
    with running(relay_of(database, recording)):
        append(database, name, 0, *claimed_events(name, 1, 3))
        until(lambda: len(recording.batches) >= 3, bool)
        assert len(unsent(database)) == 3
        recording.mend_topic("claim-events")
        assert versions(recording, name, 3) == [1, 2, 3]
        until(lambda: not unsent(database), bool)


def test_a_bus_that_hangs_is_found_again(
    database: Database, led: Lead, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages published while Pub/Sub hung wait, and go out in order when it responds; nothing is restarted."""
    monkeypatch.setattr(pubsub, "PUBLISH_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(pubsub, "WITHIN_SECONDS", 1)
    name = stream()
    with StallProxy(int(os.environ["PUBSUB_EMULATOR_HOST"].rpartition(":")[2])) as proxy:
        emulator = EmulatorBus(resources.settings, f"127.0.0.1:{proxy.port}")
        relay = led(GuardedBus(emulator, Breakers().of("bus")))
        append(database, name, 0, *claimed_events(name, 1, 1))
        drained(relay, database)
        proxy.stall()
        append(database, name, 1, *claimed_events(name, 2, 3))
        for _ in range(2):
            relay.drain()
        assert unsent(database) == [(name, version) for version in (2, 3, 4)]
        proxy.resume()
        drained(relay, database)
    count = 4
    while 4 not in (found := versions(emulator, name, count)):
        count += 1  # what was on its way when it hung may have arrived twice
    assert list(dict.fromkeys(found)) == [1, 2, 3, 4]
