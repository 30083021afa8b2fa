"""A commit wakes the relay, at once and without waiting for it."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pg8000.core import CoreConnection
from pg8000.exceptions import InterfaceError

from shared.config import Settings
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.postgres.notify import CHANNEL, Listener, Notifier, discard
from tests.shared.conftest import SERVICE

Connect = Callable[[], Any]


@pytest.fixture
def connect(own: Settings) -> Connect:
    """Opens a connection."""
    return connector(own, SERVICE)


@pytest.fixture
def listener(connect: Connect) -> Listener:
    """Somebody who waits, from now on."""
    return Listener(connect())


def test_a_wake_is_heard(connect: Connect, listener: Listener) -> None:
    """Each time, and long before its time is up."""
    notifier = Notifier(connect)
    for _ in range(3):
        notifier.wake()
        began = time.monotonic()
        assert listener.wait(10)
        assert time.monotonic() - began < 5


def test_a_wait_asks_the_server_nothing(connect: Connect, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits has no transaction for it, of which there would be one for each commit."""
    notifying = connect()
    asked: list[Any] = []
    monkeypatch.setattr(CoreConnection, "execute_simple", lambda *sent: asked.append(sent))
    assert not listener.wait(0.1)
    monkeypatch.undo()
    CoreConnection.execute_simple(notifying, f"notify {CHANNEL}")
    monkeypatch.setattr(CoreConnection, "execute_simple", lambda *sent: asked.append(sent))
    assert listener.wait(10)
    assert asked == []


def test_silence_is_heard_too(listener: Listener) -> None:
    """Without a notification the wait returns when the time is up, and can be repeated."""
    began = time.monotonic()
    assert not listener.wait(0.2)
    assert 0.2 <= time.monotonic() - began < 5


def test_a_notification_is_heard_once(connect: Connect, listener: Listener) -> None:
    """However many wakes it stood for."""
    notifier = Notifier(connect)
    for _ in range(100):
        notifier.wake()
    assert listener.wait(10)
    while listener.wait(0.3):
        pass  # a second notification at most for those that came while the first was sent
    assert not listener.wait(0.1)


def test_what_came_with_the_answer_to_a_statement_is_heard(connect: Connect) -> None:
    """The session that listens has asked something meanwhile: the socket has nothing more to say."""
    connection = connect()
    listener = Listener(connection)
    CoreConnection.execute_simple(connect(), f"notify {CHANNEL}")
    CoreConnection.execute_simple(connection, "select 1")
    assert listener.wait(0)
    assert not listener.wait(0)


def test_what_came_before_the_wait_is_heard(connect: Connect, listener: Listener) -> None:
    """A notification between two waits is not lost: a look without waiting finds it."""
    connection = connect()
    connection.execute_simple("notify events")
    discard(connection)
    deadline = time.monotonic() + 10
    while not listener.wait(0):
        assert time.monotonic() < deadline, "the notification was lost"


def test_everyone_who_listens_is_woken(connect: Connect) -> None:
    """Two relays wait for the same commits."""
    listeners = [Listener(connect()) for _ in range(2)]
    Notifier(connect).wake()
    assert all(listener.wait(10) for listener in listeners)


def test_a_lost_listener_says_so(connect: Connect, database: Database) -> None:
    """A wait on a lost connection fails, so that its owner opens another."""
    connection = connect()
    listener = Listener(connection)
    pid = connection.execute_simple("select pg_backend_pid()").rows[0][0]
    with database.transaction() as transaction:
        transaction.run("select pg_terminate_backend(:pid::integer, 5000) as ended", {"pid": pid})
    with pytest.raises((InterfaceError, OSError)):
        listener.wait(5)
    discard(connection)
    discard(connection)  # a second time is no failure


def test_a_wake_never_waits() -> None:
    """A server that cannot be reached costs whoever commits nothing."""
    given_up = threading.Event()

    def refuse() -> Any:
        given_up.wait(30)
        raise InterfaceError("Can't create a connection")

    notifier = Notifier(refuse)
    began = time.monotonic()
    for _ in range(50):
        notifier.wake()
    assert time.monotonic() - began < 10
    given_up.set()


def test_a_notifier_recovers(connect: Connect, database: Database, listener: Listener) -> None:
    """When its connection has died, the notification is lost, and the next one is sent on a new connection."""
    opened: list[int] = []

    def remembered() -> Any:
        connection = connect()
        opened.append(connection.execute_simple("select pg_backend_pid()").rows[0][0])
        return connection

    notifier = Notifier(remembered)
    notifier.wake()
    assert listener.wait(10)
    with database.transaction() as transaction:
        transaction.run("select pg_terminate_backend(:pid::integer, 5000) as ended", {"pid": opened[0]})
    deadline = time.monotonic() + 10
    while not listener.wait(0.1):
        assert time.monotonic() < deadline, "nothing was sent after the connection was lost"
        notifier.wake()
    assert len(opened) == 2
