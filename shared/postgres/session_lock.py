"""A lock that at most one session of a database holds: of several instances, one does the work.

It ends with its session, however that ends, so nothing has to be cleaned up after a crash. A session may be lost
without its holder noticing at once: what the lock protects must be safe to do twice, only wasteful.
"""

from typing import Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import literal

from shared.errors import Unavailable
from shared.postgres.database import Database
from shared.postgres.errors import bound
from shared.postgres.notify import discard

RESPONSE_SECONDS: Final = 5.0
"""How long to wait for the server: less than a process has to stop."""


class SessionLock:
    """An advisory lock on a connection of its own."""

    def __init__(self, database: Database, kind: str, name: str) -> None:
        """kind, name: the lock's name, and a namespace for it, since all locks of a database share their keys."""
        self._database = database
        self._statement = f"select pg_try_advisory_lock(hashtext({literal(kind)}), hashtext({literal(name)}))"
        self._connection: CoreConnection | None = None
        self._held = False

    def acquire(self) -> bool:
        """Take the lock without waiting for it, or make sure that it is still held. Returns whether it is.

        Raises Unavailable if the session was lost, and the lock with it, or cannot be opened; the next call opens one.
        """
        try:
            if self._connection is None:
                self._connection = self._database.dedicated()
            bound(self._connection, RESPONSE_SECONDS)
            if self._held:
                CoreConnection.execute_simple(self._connection, "select 1")
            else:
                context = CoreConnection.execute_simple(self._connection, self._statement)
                self._held = bool(context.rows[0][0])
        except (InterfaceError, DatabaseError, OSError) as error:
            self.release()
            raise Unavailable("The session of a lock was lost.") from error
        return self._held

    def release(self) -> None:
        """Release the lock, and close its connection."""
        connection, self._connection, self._held = self._connection, None, False
        if connection is not None:
            discard(connection)
