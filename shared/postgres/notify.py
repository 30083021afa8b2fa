"""NOTIFY and LISTEN: how a commit wakes the relay, outside of the transaction."""

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
    """Wakes the relay: one NOTIFY for all commits since the last one, outside of any transaction.

    NOTIFY inside a transaction holds an instance-wide lock during the commit, on which every sale would queue. The
    relay also polls: a lost notification costs time, not events.
    """

    def __init__(self, connect: Callable[[], CoreConnection]) -> None:
        self._connect = connect
        self._due = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Signal that events were committed. Returns immediately."""
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
    """Waits for notifications by select on the connection's socket, without polling the server."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        CoreConnection.execute_simple(connection, f"listen {CHANNEL}")

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a notification; returns whether one came. Raises InterfaceError if the connection is lost."""
        if self._connection.notifications:  # it came with the answer to a statement of the session's
            self._connection.notifications.clear()
            return True
        ready, _, _ = select.select([self._connection._usock], [], [], timeout_seconds)
        if ready:
            # A round trip makes pg8000 read everything that the server has sent before.
            CoreConnection.execute_simple(self._connection, "select 1")
        came = bool(self._connection.notifications)
        self._connection.notifications.clear()
        return came


def discard(connection: CoreConnection) -> None:
    """Close a connection that may already be broken."""
    try:
        connection.close()
    except (InterfaceError, OSError) as error:
        log.debug("closing a broken connection: %s", error)
