"""NOTIFY and LISTEN: how a commit wakes the relay, without the transaction paying for it."""

import logging
import select
import threading
from collections.abc import Callable
from typing import Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

log = logging.getLogger(__name__)

CHANNEL: Final = "events"


class Notifier:
    """Wakes the relay: one NOTIFY for however many commits happened since the last, outside any transaction.

    NOTIFY inside a transaction takes an instance-wide lock through the commit, so that every sale would queue on it.
    The relay polls as well: a notification that is lost costs time, not events.
    """

    def __init__(self, connect: Callable[[], CoreConnection]) -> None:
        self._connect = connect
        self._due = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Say that events were committed. Returns at once."""
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="notifier", daemon=True)
                self._thread.start()
        self._due.set()

    def _loop(self) -> None:
        connection: CoreConnection | None = None
        while True:
            self._due.wait()
            self._due.clear()
            try:
                connection = connection or self._connect()
                CoreConnection.execute_simple(connection, f"notify {CHANNEL}")
            except (InterfaceError, DatabaseError, OSError) as error:
                log.info("no notification sent, the relay's poll finds the events: %s", error)
                if connection is not None:
                    discard(connection)
                connection = None


class Listener:
    """Waits for notifications without polling the server, by select on the connection's socket."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        CoreConnection.execute_simple(connection, f"listen {CHANNEL}")

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a notification; tells whether one came. Raises InterfaceError when the connection is lost."""
        ready, _, _ = select.select([self._connection._usock], [], [], timeout_seconds)
        if ready:
            # A round trip makes pg8000 read whatever the server has sent before it.
            CoreConnection.execute_simple(self._connection, "select 1")
        came = bool(self._connection.notifications)
        self._connection.notifications.clear()
        return came


def discard(connection: CoreConnection) -> None:
    """Close a connection that may be broken already."""
    try:
        connection.close()
    except (InterfaceError, OSError) as error:
        log.debug("closing a broken connection: %s", error)
