"""A consumer is compared with its sources: exactly the missing events are applied."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.errors import Unavailable
from shared.outbox import replay
from shared.outbox.comparison import COMPARE_EVERY, SETTLED_AFTER, Comparison
from shared.outbox.inbox import GAP_WAIT, Read
from shared.outbox.log import EventLog, StreamQuery
from shared.outbox.replay import parse_start
from shared.postgres.database import Database, Transaction
from shared.registry import load
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, source
from tests.shared.outbox.sample_events import AT, NOBODY, TYPE, claimed_events, event, stream


class Store:
    """The store of the service that owns these streams, as Events.List and Events.Read tell of it."""

    def __init__(self, database: Database, page: int = 500, cell: str = "us") -> None:
        self._database = database
        self._cell = cell
        self._page = page
        self.names: set[str] = set()
        self.calls = 0
        with database.transaction() as transaction:
            (row,) = transaction.run("select coalesce(max(position), 0) as last from events", {})
        self.begin = int(row["last"])

    def append(self, name: str, after: int, count: int, at: datetime = AT, user_id: str = NOBODY) -> None:
        """Commit events of a stream."""
        self.names.add(name)
        with self._database.transaction() as transaction:
            EventLog(transaction, self._cell, at).append(name, after, claimed_events(name, after + 1, count, user_id))

    @staticmethod
    def log(transaction: Transaction) -> EventLog:
        """The store, as one transaction sees it."""
        return EventLog(transaction, "us", AT)

    def list(self, owner: str, request: ListRequest) -> ListResponse:
        """As Events.List responds; the table is shared with other tests, whose streams are left out."""
        assert owner == load().owner_of(TYPE)
        self.calls += 1
        query = StreamQuery(
            max(request.after, self.begin),
            request.until if request.HasField("until") else None,
            list(request.types),
            request.since.ToDatetime(UTC) if request.HasField("since") else None,
            request.before.ToDatetime(UTC) if request.HasField("before") else None,
            request.receiver_field,
            request.receiver,
        )
        with self._database.transaction() as transaction:
            listed = EventLog(transaction, "us", AT).streams(query)
        found = [
            ListResponse.Stream(stream=name, type=kind, version=version)
            for name, kind, version in listed.streams
            if name in self.names
        ]
        return ListResponse(streams=found, position=listed.position, more=listed.more, last=listed.last)

    def source(self) -> Read:
        """As Events.Read answers."""
        found = []
        for name in self.names:
            with self._database.transaction() as transaction:
                found += EventLog(transaction, "us", AT).read(name)
        return source(*found)


@pytest.fixture
def store(database: Database) -> Store:
    """A source with no streams yet."""
    return Store(database)


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer that knows nothing yet."""
    return Consumer(database, clock)


@pytest.fixture
def comparison(consumer: Consumer, store: Store, database: Database, clock: FakeClock) -> Comparison:
    """The consumer beside its source."""
    return Comparison(consumer.row, database, store.list, clock)


def caught_up(consumer: Consumer, store: Store, clock: FakeClock) -> int:
    """How many events the worker applies."""
    clock.pass_by(seconds=GAP_WAIT.total_seconds() + 1)
    return consumer.inbox.fill_gaps(store.source())


def test_what_is_missing_is_applied_once(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock
) -> None:
    """Streams of which nothing came, or not all; also where no later event shows it. A second replay finds nothing."""
    none, part, all_of_it = stream(), stream(), stream()
    for name in (none, part, all_of_it):
        store.append(name, 0, 3)
    consumer.receive(event(part, 1), *(event(all_of_it, n) for n in (1, 2, 3)))
    compared = comparison.replay(None, 0)
    assert (compared.streams, compared.lacking) == (3, 2)
    assert caught_up(consumer, store, clock) == 5
    assert all(consumer.versions(name) == [1, 2, 3] for name in (none, part, all_of_it))
    assert comparison.replay(None, 0).lacking == 0
    assert caught_up(consumer, store, clock) == 0
    assert consumer.effects() == 9


def test_a_replay_begins_where_requested(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock, database: Database
) -> None:
    """At a time, or after a position; earlier unapplied events of a stream are applied too, as order requires."""
    old, new, both = stream(), stream(), stream()
    store.append(old, 0, 1)
    store.append(both, 0, 1)
    store.append(both, 1, 1, AT + timedelta(hours=1))
    store.append(new, 0, 1, AT + timedelta(hours=1))
    assert comparison.replay(AT + timedelta(minutes=30), 0).lacking == 2
    assert caught_up(consumer, store, clock) == 3
    assert (consumer.versions(old), consumer.versions(both), consumer.versions(new)) == ([], [1, 2], [1])
    with database.transaction() as transaction:
        (row,) = transaction.run("select max(position) as last from events", {})
    assert comparison.replay(None, row["last"]).streams == 0


def test_a_delivery_meanwhile_is_not_applied_twice(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock
) -> None:
    """What was noted as missing and comes by itself is known when the worker asks for it."""
    name = stream()
    store.append(name, 0, 2)
    comparison.replay(None, 0)
    assert consumer.receive(event(name, 1), event(name, 2)) == ["applied", "applied"]
    assert consumer.parked(name) == []
    assert caught_up(consumer, store, clock) == 0
    assert consumer.effects() == 2


def found(comparison: Comparison, clock: FakeClock) -> int:
    """How many streams lack something, once all that was committed until now has settled."""
    clock.moment += COMPARE_EVERY  # it may have looked just before
    lacking = comparison.follow()
    clock.moment += max(SETTLED_AFTER, COMPARE_EVERY)
    return lacking + comparison.follow()


def test_what_a_transport_has_lost_is_found_again_and_again(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock
) -> None:
    """All of a stream, or its end, which no later event shows; the next loss too. What was applied is not lacking."""
    for _ in range(3):
        whole, end, none = stream(), stream(), stream()
        for name in (whole, end, none):
            store.append(name, 0, 3)
        consumer.receive(*(event(whole, n) for n in (1, 2, 3)), *(event(end, n) for n in (1, 2)))
        assert found(comparison, clock) == 2
        assert caught_up(consumer, store, clock) == 4
        assert all(consumer.versions(name) == [1, 2, 3] for name in (whole, end, none))
        assert found(comparison, clock) == 0


def test_a_new_consumer_starts_with_all_there_is(
    consumer: Consumer, store: Store, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page; a restarted worker continues near where the last one was cut off."""
    monkeypatch.setattr("shared.outbox.log.READ_AT_MOST", 8)  # four whole streams a page
    names = [stream() for _ in range(20)]
    for name in names:
        store.append(name, 0, 2)
    assert found(Comparison(consumer.row, database, store.list, clock), clock) == 20
    while caught_up(consumer, store, clock):
        pass
    assert all(consumer.versions(name) == [1, 2] for name in names)
    before = store.calls
    assert found(Comparison(consumer.row, database, store.list, clock), clock) == 0
    assert store.calls - before <= 3


def test_an_event_is_looked_for_once_it_has_settled(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock
) -> None:
    """Not before a transaction that was open when its position was given out must have ended."""
    store.append(stream(), 0, 1)
    for _ in range(2):
        assert comparison.follow() == 0
        clock.moment += SETTLED_AFTER / 2
    assert comparison.follow() == 1


def test_what_commits_late_below_others_is_found(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock, open_database: Callable[..., Database]
) -> None:
    """Its position was given out before those of others that are committed and compared: it is not passed over."""
    late, early = stream(), stream()
    slow = open_database(1)
    with slow.transaction() as transaction:
        EventLog(transaction, "us", AT).append(late, 0, claimed_events(late, 1, 1))
        transaction.send()  # its position is given out
        store.append(early, 0, 1)
        store.names.add(late)
        consumer.receive(event(early, 1))
        comparison.follow()
        clock.moment += SETTLED_AFTER / 2  # so long a transaction may live
    clock.moment += SETTLED_AFTER / 2
    assert comparison.follow() == 1
    assert caught_up(consumer, store, clock) == 1
    assert consumer.versions(late) == [1]


def test_where_nothing_lacks_nothing_is_written(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock, database: Database
) -> None:
    """Neither in the inbox nor of how far it has come."""
    name = stream()
    store.append(name, 0, 2)
    consumer.receive(event(name, 1), event(name, 2))
    assert found(comparison, clock) == 0
    written = "select (select count(*) from compared where consumer = :name) as places, count(*) as streams from inbox"
    with database.transaction() as transaction:
        (row,) = transaction.run(f"{written} where consumer = :name", {"name": consumer.name})
    assert (row["places"], row["streams"]) == (0, 1)
    assert consumer.parked(name) == []


def test_types_that_are_not_its_own_are_none_of_its_business(
    consumer: Consumer, store: Store, clock: FakeClock, database: Database
) -> None:
    """Of streams that have no event of a type that it handles nothing is noted."""
    store.append(stream(), 0, 2)
    other = msgspec.structs.replace(consumer.row, event=["claim.voided"])
    assert found(Comparison(other, database, store.list, clock), clock) == 0
    assert found(Comparison(consumer.row, database, store.list, clock), clock) == 1


def test_what_is_unapplied_is_listed_and_left_as_it_is(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock
) -> None:
    """Events recorded before a time, with the missing version; none once they are applied."""
    old, new = stream(), stream()
    store.append(old, 0, 2)
    store.append(new, 0, 1, AT + timedelta(minutes=9))
    assert list(comparison.unapplied(AT + timedelta(minutes=5))) == [(old, 2)]
    assert caught_up(consumer, store, clock) == 0
    consumer.receive(event(old, 1), event(old, 2))
    assert list(comparison.unapplied(AT + timedelta(minutes=5))) == []
    assert list(comparison.unapplied(AT + timedelta(minutes=10))) == [(new, 1)]


def test_a_source_that_is_away_keeps_no_other_waiting(
    consumer: Consumer, store: Store, clock: FakeClock, database: Database
) -> None:
    """The others are compared; it is compared once it is back."""
    missing = ListResponse.Stream(stream=stream(), type="hold.captured", version=1)
    back = threading.Event()

    def listing(owner: str, request: ListRequest) -> ListResponse:
        if owner != "wallet":
            return store.list("claiming", request)
        if not back.is_set():
            raise Unavailable
        found = [missing] if request.after == 0 and request.until else []
        return ListResponse(streams=found, position=max(request.after, request.until), last=1)

    row = msgspec.structs.replace(consumer.row, event=[TYPE, "hold.captured"])
    store.append(stream(), 0, 1)
    comparison = Comparison(row, database, listing, clock)
    assert found(comparison, clock) == 1
    back.set()
    assert found(comparison, clock) == 1
    assert found(comparison, clock) == 0


def test_a_beginning_is_a_time_or_a_position() -> None:
    """Times without a zone are UTC; anything else is refused."""
    assert parse_start("17") == (None, 17)
    assert parse_start("2026-11-23T07:30:00Z") == (datetime(2026, 11, 23, 7, 30, tzinfo=UTC), 0)
    assert parse_start("2026-11-23") == (datetime(2026, 11, 23, tzinfo=UTC), 0)
    for text in ("", "yesterday", "-1", "1.5"):
        with pytest.raises(ValueError):
            parse_start(text)


def test_the_command_line_names_a_consumer(capsys: pytest.CaptureFixture[str]) -> None:
    """One that there is."""
    with pytest.raises(SystemExit):
        replay.main(["--consumer", "nobody", "--from", "0"])
    assert "record_payment" in capsys.readouterr().err
