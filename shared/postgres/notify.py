"""NOTIFY and LISTEN: how a commit wakes the relay, outside of the transaction."""

import logging
import select
import ssl
import threading
from collections.abc import Callable
from typing import Final

from pg8000.core import Context, CoreConnection, _read, ci_unpack
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
    """Waits for notifications by select on the connection's socket, without asking the server anything."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        CoreConnection.execute_simple(connection, f"listen {CHANNEL}")

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a notification; returns whether one came. Raises InterfaceError if the connection is lost."""
        self._take()  # what came with the answer to a statement of the session's
        if not self._connection.notifications:
            ready, _, _ = select.select([self._connection._usock], [], [], timeout_seconds)
            if ready and not self._take():
                CoreConnection.execute_simple(self._connection, "select 1")  # nothing is to be read: is it lost?
        came = bool(self._connection.notifications)
        self._connection.notifications.clear()
        return came

    def _take(self) -> bool:
        """Read all messages that have arrived; returns whether there were any. Raises InterfaceError."""
        taken = False
        while self._arrived():
            code, length = ci_unpack(_read(self._connection._sock, 5))
            context = Context("")
            self._connection.message_types[code](_read(self._connection._sock, length - 4), context)
            if context.error is not None:
                raise InterfaceError("the session has ended") from context.error
            taken = True
        return taken

    def _arrived(self) -> bool:
        """Whether a message has begun to arrive, in pg8000's buffer or on the socket."""
        socket = self._connection._usock
        timeout = socket.gettimeout()
        socket.setblocking(False)
        try:
            return bool(self._connection._sock.peek(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            socket.settimeout(timeout)


def discard(connection: CoreConnection) -> None:
    """Close a connection that may already be broken."""
    try:
        connection.close()
    except (InterfaceError, OSError) as error:
        log.debug("closing a broken connection: %s", error)
