"""A lock of a session: one holder at a time, nobody waits for it, and a lost session is noticed."""

from collections.abc import Callable, Iterator

import pytest

from emulators.waiting import until
from shared.config import Settings
from shared.errors import Unavailable
from shared.postgres.database import Database
from shared.postgres.session_lock import SessionLock
from tests.stall_proxy import StallProxy

Locks = Callable[..., SessionLock]


@pytest.fixture
def lock(database: Database) -> Iterator[Locks]:
    """Makes locks of one kind in the tests' database, released after the test."""
    made: list[SessionLock] = []

    def make(name: str = "a row", kind: str = "test") -> SessionLock:
        made.append(SessionLock(database, kind, name))
        return made[-1]

    yield make
    for each in made:
        each.release()


def end_sessions(database: Database) -> None:
    """Have the server end the sessions that hold advisory locks in this database, as a failover does."""
    with database.transaction() as transaction:
        sql = """select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
                 and database = (select oid from pg_database where datname = current_database())"""
        assert transaction.run(sql, {})


def test_one_of_two_holds_it(lock: Locks) -> None:
    """However often each asks; and another name, or another kind of the same name, is another lock."""
    holder, other = lock(), lock()
    assert [holder.acquire(), holder.acquire(), other.acquire(), holder.acquire()] == [True, True, False, True]
    assert lock("another row").acquire()
    assert lock(kind="another").acquire()


def test_it_passes_on_when_it_is_released(lock: Locks) -> None:
    """However often it was acquired; and who released it may want it again."""
    holder, other = lock(), lock()
    assert [holder.acquire(), holder.acquire(), other.acquire()] == [True, True, False]
    holder.release()
    until(other.acquire, bool)
    assert not holder.acquire()


def test_a_lost_session_is_noticed(lock: Locks, database: Database) -> None:
    """The holder is told that it has lost the lock, which another may have taken meanwhile."""
    holder, other = lock(), lock()
    assert holder.acquire()
    end_sessions(database)
    until(other.acquire, bool)
    with pytest.raises(Unavailable):
        holder.acquire()
    assert not holder.acquire()


def test_a_lost_session_is_replaced(lock: Locks, database: Database) -> None:
    """If nobody else has taken the lock."""
    holder = lock()
    assert holder.acquire()
    end_sessions(database)
    with pytest.raises(Unavailable):
        holder.acquire()
    assert holder.acquire()


def test_a_server_that_hangs_is_no_holder(
    open_database: Callable[..., Database], own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that does not answer counts as lost, before a run is begun."""
    monkeypatch.setattr("shared.postgres.session_lock.RESPONSE_SECONDS", 1.0)
    with StallProxy(own.database_port) as proxy:
        holder = SessionLock(open_database(port=proxy.port), "test", "hung")
        assert holder.acquire()
        proxy.stall()
        with pytest.raises(Unavailable):
            holder.acquire()
        proxy.resume()
        until(holder.acquire, bool)
        holder.release()
