"""Events are appended with the state that they change, in gapless versions, and are immutable."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pg8000.exceptions import DatabaseError

from shared import ids
from shared.contracts.events import StoredEvent
from shared.errors import Contended
from shared.money import Amount
from shared.outbox.log import EventLog
from shared.postgres.database import Database, Transaction
from shared.telemetry.context import bind
from tests.shared.outbox.sample_events import AT, Claimed, Priced, claimed_events, stream

TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def log_of(transaction: Transaction) -> EventLog:
    """The log, as a transaction of cell `us` at one moment sees it."""
    return EventLog(transaction, "us", AT)


def stored(database: Database, name: str) -> list[StoredEvent]:
    """The events of a stream."""
    with database.transaction() as transaction:
        return log_of(transaction).read(name)


def test_a_fact_is_read_as_it_was_appended(database: Database) -> None:
    """Type, version, time, data and the request's trace context; amounts are strings, and the id carries the cell."""
    name = stream()
    bind("request-1", TRACED)
    with database.transaction() as transaction:
        assert log_of(transaction).append(name, 0, [Priced(name, Amount(2**255))]) == 1
    (read,) = stored(database, name)
    assert (read.type, read.stream, read.version, read.at) == ("order.confirmed", name, 1, AT)
    assert read.data == {"order_id": name, "total": str(2**255), "at": "2026-11-23T07:30:00Z"}
    assert read.metadata == {"request_id": "request-1", "traceparent": TRACED}
    assert ids.parse(read.id, "evt").cell == "us"


@pytest.mark.parametrize(
    ("request_id", "traceparent", "bytes_of_it"),
    [
        ("1ca91bed-58d6-4d08-b5b0-34cec84c6fb2", TRACED, 42),
        ("1CA91BED-58d6-4d08-b5b0-34cec84c6fb2", TRACED, 62),
        ("request-1", TRACED, 35),
        ("request-1", "", None),
        ("1ca91bed-58d6-4d08-b5b0-34cec84c6fb2", f"01{TRACED[2:]}", None),
    ],
)
def test_a_trace_is_packed_and_read_as_it_was(
    database: Database, request_id: str, traceparent: str, bytes_of_it: int | None
) -> None:
    """Whatever the request's id is; what is not of the present version of traceparents is stored as it is."""
    name = stream()
    bind(request_id, traceparent)
    with database.transaction() as transaction:
        log_of(transaction).append(name, 0, claimed_events(name, 1, 1))
        (row,) = transaction.run(
            "select length(trace) as length, metadata = '{}' as moved from events where stream = :name", {"name": name}
        )
    assert row == {"length": bytes_of_it, "moved": bytes_of_it is not None}
    assert [each.metadata for each in stored(database, name)] == [
        {"request_id": request_id, "traceparent": traceparent}
    ]


def test_versions_follow_one_another(database: Database) -> None:
    """Each append names the version that it follows, and returns the last one."""
    name = stream()
    with database.transaction() as transaction:
        log = log_of(transaction)
        assert log.append(name, 0, claimed_events(name, 1, 3)) == 3
        assert log.append(name, 3, claimed_events(name, 4, 2)) == 5
        assert log.append(name, 5, []) == 5
    read = stored(database, name)
    assert [(each.version, each.data["order_id"]) for each in read] == [(n, str(n)) for n in range(1, 6)]
    assert len({each.id for each in read}) == 5


def test_a_stream_is_read_in_parts(database: Database) -> None:
    """From a version on, oldest first, up to the requested number."""
    name = stream()
    with database.transaction() as transaction:
        log_of(transaction).append(name, 0, claimed_events(name, 1, 7))
    with database.transaction() as transaction:
        log = log_of(transaction)
        assert [each.version for each in log.read(name, from_version=3, most=3)] == [3, 4, 5]
        assert log.read(name, from_version=8) == []
        assert log.read(stream()) == []


def test_nothing_is_recorded_without_its_transaction(database: Database) -> None:
    """A rollback takes the fact with the state; only a transaction that appended wakes the relay."""
    name = stream()
    with pytest.raises(ValueError, match="no"), database.transaction() as transaction:
        log_of(transaction).append(name, 0, claimed_events(name, 1, 1))
        assert transaction.appended
        raise ValueError("no")
    assert stored(database, name) == []
    with database.transaction() as transaction:
        log_of(transaction).append_all([])
        assert not transaction.appended


def test_a_version_is_taken_once(database: Database) -> None:
    """The second writer of a version gets Contended, and its transaction is rolled back."""
    name, other = stream(), stream()
    with database.transaction() as transaction:
        log_of(transaction).append(name, 0, claimed_events(name, 1, 2))
    for after in (0, 1):
        with pytest.raises(Contended), database.transaction() as transaction:
            log_of(transaction).append(other, 0, claimed_events(other, 1, 1))
            log_of(transaction).append(name, after, claimed_events(name, after + 1, 1))
    assert len(stored(database, name)) == 2
    assert stored(database, other) == []


def test_one_of_many_wins_a_version(open_database: Callable[..., Database]) -> None:
    """Eight transactions that append the same version at once: one commits, seven are Contended."""
    database = open_database(8)
    name = stream()
    at_once = threading.Barrier(8, timeout=10)

    def append(number: int) -> bool:
        try:
            with database.transaction() as transaction:
                at_once.wait()
                log_of(transaction).append(name, 0, [Claimed(name, f"{number}.1"), Claimed(name, f"{number}.2")])
        except Contended:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(append, range(8)))
    assert sum(won) == 1
    winner = won.index(True)
    assert [each.data["order_id"] for each in stored(database, name)] == [f"{winner}.1", f"{winner}.2"]


def test_many_streams_are_one_statement(database: Database) -> None:
    """Facts of many streams are recorded together, or, when one version is taken, not at all."""
    names = [stream() for _ in range(50)]
    batch = [(name, version, Claimed(name, str(version))) for version in (2, 1) for name in names]
    with database.transaction() as transaction:
        log_of(transaction).append_all(batch)
    assert all([each.version for each in stored(database, name)] == [1, 2] for name in names)
    fresh = stream()
    with pytest.raises(Contended), database.transaction() as transaction:
        log_of(transaction).append_all([(fresh, 1, Claimed(fresh, "1")), (names[0], 2, Claimed(names[0], "2"))])
    assert stored(database, fresh) == []


@pytest.mark.parametrize(
    "sql",
    [
        "update events set data = '{}' where stream = :stream_id",
        "update events set version = version + 1 where stream = :stream_id",
        "update events set recorded_at = recorded_at + interval '1 day' where stream = :stream_id",
        "delete from events where stream = :stream_id",
        "truncate events",
        "alter table events drop column metadata",
        "drop table events",
    ],
)
def test_history_cannot_be_changed(sql: str, database: Database) -> None:
    """The role that services come as may append and read; of an event it may change only whether it was published."""
    name = stream()
    with database.transaction() as transaction:
        log_of(transaction).append(name, 0, claimed_events(name, 1, 1))
    with pytest.raises(DatabaseError) as refused, database.transaction() as transaction:
        transaction.count(sql, {"stream_id": name} if ":stream_id" in sql else {})
    assert refused.value.args[0]["C"] == "42501"  # insufficient_privilege
    assert len(stored(database, name)) == 1


def test_a_version_is_a_positive_number(database: Database) -> None:
    """A history begins with version 1."""
    name = stream()
    with pytest.raises(DatabaseError, match="events_version_check"), database.transaction() as transaction:
        log_of(transaction).append(name, -1, claimed_events(name, 0, 1))


def test_times_are_kept_to_the_microsecond(database: Database) -> None:
    """What is folded again later has the times that it had at first."""
    name = stream()
    at = AT + timedelta(microseconds=123_457)
    with database.transaction() as transaction:
        EventLog(transaction, "us", at).append(name, 0, claimed_events(name, 1, 1))
    assert stored(database, name)[0].at == at
