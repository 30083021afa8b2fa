"""A consumer is compared with its sources: what it lacks is applied, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.postgres import Database
from shared.contracts.gen.events_pb2 import ListResponse
from shared.outbox import replay
from shared.outbox.inbox import GAP_WAIT
from shared.outbox.log import EventLog
from shared.outbox.replay import Comparison, beginning
from shared.registry import load
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, Source, source
from tests.shared.outbox.facts import AT, TYPE, event, facts, stream


class Store:
    """The store of the service that owns these streams, as Events.List and Events.Read tell of it."""

    def __init__(self, database: Database, page: int = 500) -> None:
        self._database = database
        self._page = page
        self.names: set[str] = set()
        self.asked = 0
        with database.transaction() as transaction:
            (row,) = transaction.run("select coalesce(max(position), 0) as last from events", {})
        self.begin = int(row["last"])

    def append(self, name: str, after: int, count: int, at: datetime = AT) -> None:
        """Commit events of a stream."""
        self.names.add(name)
        with self._database.transaction() as transaction:
            EventLog(transaction, "us", at).append(name, after, facts(name, after + 1, count))

    def list(self, owner: str, since: datetime | None, after: int) -> ListResponse:
        """As Events.List answers; the table is shared with other tests, whose streams are not told of."""
        assert owner == load().owner_of(TYPE)
        self.asked += 1
        with self._database.transaction() as transaction:
            streams, position, more = EventLog(transaction, "us", AT).streams(since, max(after, self.begin))
        found = [
            ListResponse.Stream(stream=name, type=kind, version=version)
            for name, kind, version in streams
            if name in self.names
        ]
        return ListResponse(streams=found, position=position, more=more)

    def source(self) -> Source:
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


def test_a_replay_begins_where_it_is_told_to(
    comparison: Comparison, consumer: Consumer, store: Store, clock: FakeClock, database: Database
) -> None:
    """At a time, or beyond a position; what of a stream came before is applied too, since it comes first."""
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


def test_a_new_consumer_starts_with_all_there_is(
    comparison: Comparison,
    consumer: Consumer,
    store: Store,
    database: Database,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Page by page, going on where it was cut off; once it has come to the end it does not begin again."""
    monkeypatch.setattr("shared.outbox.log.READ_AT_MOST", 7)
    names = [stream() for _ in range(20)]
    for name in names:
        store.append(name, 0, 2)
    assert comparison.bootstrap()
    again = Comparison(consumer.row, database, store.list, clock)
    while again.bootstrap():
        pass
    asked = store.asked
    assert not again.bootstrap() and not comparison.bootstrap()
    assert store.asked == asked
    while caught_up(consumer, store, clock):
        pass
    assert all(consumer.versions(name) == [1, 2] for name in names)


def test_a_comparison_that_is_asked_for_again_is_made_again(
    consumer: Consumer, store: Store, database: Database, clock: FakeClock
) -> None:
    """What a transport has lost meanwhile is found, also where a step had begun before anybody asked."""
    comparison = Comparison(consumer.row, database, store.list, clock)
    while comparison.bootstrap():
        pass
    name, late = stream(), stream()
    store.append(name, 0, 2)
    assert not comparison.bootstrap()

    def list_while_it_is_asked_for(owner: str, since: datetime | None, after: int) -> ListResponse:
        page = store.list(owner, since, after)
        if late not in store.names:
            comparison.again()
            store.append(late, 0, 1)
        return page

    comparison.again()
    slow = Comparison(consumer.row, database, list_while_it_is_asked_for, clock)
    while slow.bootstrap():
        pass
    while caught_up(consumer, store, clock):
        pass
    assert (consumer.versions(name), consumer.versions(late)) == ([1, 2], [1])


def test_a_beginning_is_a_time_or_a_position() -> None:
    """Times without a zone are UTC; anything else is refused."""
    assert beginning("17") == (None, 17)
    assert beginning("2026-11-23T07:30:00Z") == (datetime(2026, 11, 23, 7, 30, tzinfo=UTC), 0)
    assert beginning("2026-11-23") == (datetime(2026, 11, 23, tzinfo=UTC), 0)
    for text in ("", "yesterday", "-1", "1.5"):
        with pytest.raises(ValueError, match=""):
            beginning(text)


def test_the_command_line_names_a_consumer(capsys: pytest.CaptureFixture[str]) -> None:
    """One that there is."""
    with pytest.raises(SystemExit):
        replay.main(["--consumer", "nobody", "--from", "0"])
    assert "record_payment" in capsys.readouterr().err
