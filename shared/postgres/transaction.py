"""One transaction on a connection: prepared statements, savepoints, snapshots; and the port of the commit's fence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from pg8000.converters import make_params
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError
from pg8000.native import to_statement

from shared.postgres.errors import bound, stale, translated
from shared.resilience.breaker import GuardedCall

SNAPSHOT_SECONDS: Final = 12.0
"""How long to wait for a statement in a snapshot of all data: longer than the server's statement_timeout."""

Row = dict[str, Any]


class CommitFence(Protocol):
    """What stands before a commit, and before what was read may be told (fence.Fence)."""

    epoch: int
    """The latest epoch under which a connection of the process began to work; 0 before the first."""

    def note(self, connection: CoreConnection) -> None:
        """Note under which epoch a connection begins to work: a new one, or one whose commit was refused."""

    def commit(self, connection: CoreConnection) -> None:
        """Commit. Raises OutcomeUnknown, or pg8000's DatabaseError with the SQLSTATE errors.FENCED."""

    def check(self, connection: CoreConnection) -> None:
        """Make sure that what this connection has read may be told. Raises Unavailable, or as commit does."""

    def covers(self, since: float) -> bool:
        """Whether the lease is known to have been held from a time of the own monotonic clock until now."""

    def now(self) -> float:
        """The present time of that clock."""


class Transaction:
    """One open transaction. Statements are prepared once per connection and then executed by name."""

    def __init__(self, connection: CoreConnection, call: GuardedCall | None = None, timeout_seconds: float = 0) -> None:
        """call: for the breaker's statistics. timeout_seconds: per statement; 0 for the connection's own."""
        self._connection = connection
        self._call = call
        self._timeout_seconds = timeout_seconds
        self.appended = False
        """Whether events were appended, so that the relay must be woken after the commit."""
        self.changed: set[str] = set()
        """The ids of changed resources that may be cached."""
        self.answered = True
        """Whether every response was read completely. If not, the next statement would read the rest of it."""

    def run(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """Run one prepared statement.

        Raises UniqueViolation, Refused, Contended, Unavailable or pg8000's DatabaseError.
        """
        with self._asking():
            context = _execute(self._connection, sql, parameters)
        names = [column["name"] for column in context.columns or ()]
        return [dict(zip(names, row, strict=True)) for row in context.rows or ()]

    def count(self, sql: str, parameters: dict[str, Any]) -> int:
        """Run one prepared statement; returns how many rows it affected. Raises as run does."""
        with self._asking():
            return int(_execute(self._connection, sql, parameters).row_count)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint around a block, rolled back if it raises."""
        self._simple("savepoint part")
        appended = self.appended
        try:
            yield
        except BaseException:
            self._simple("rollback to savepoint part")
            self.appended = appended
            raise
        self._simple("release savepoint part")

    def snapshot(self) -> None:
        """Make all statements see one snapshot (REPEATABLE READ); must come before any other statement."""
        self._simple("set transaction isolation level repeatable read")
        self._timeout_seconds = max(self._timeout_seconds, SNAPSHOT_SECONDS)

    def limit(self, seconds: float) -> None:
        """Set the server's statement timeout for the rest of the transaction or savepoint.

        Statements that take longer raise Cancelled.
        """
        self._simple(f"set local statement_timeout = {max(1, int(seconds * 1000))}")

    def check(self, fence: "CommitFence") -> None:
        """Make sure that what was read by this connection may be told. Raises Unavailable."""
        with self._asking():
            fence.check(self._connection)

    def _simple(self, sql: str) -> None:
        with self._asking():
            CoreConnection.execute_simple(self._connection, sql)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around a statement. A server error is a complete response; after any other failure more may follow."""
        with translated(self._call):
            if self._timeout_seconds:
                bound(self._connection, self._timeout_seconds)
            try:
                yield
            except DatabaseError:
                raise
            except BaseException:
                self.answered = False
                raise


def _execute(connection: CoreConnection, sql: str, parameters: dict[str, Any]) -> Any:
    """Run a statement, preparing it on its first use on this connection."""
    prepared = connection.__dict__.setdefault("_meridian_prepared", {})
    if sql not in prepared:
        statement, make_values = to_statement(sql)
        prepared[sql] = (*CoreConnection.prepare_statement(connection, statement, ()), statement, make_values)
    name, columns, functions, statement, make_values = prepared[sql]
    values = make_params(connection.py_types, make_values(parameters))
    try:
        return CoreConnection.execute_named(connection, name, values, columns, functions, statement)
    except DatabaseError as error:
        if stale(error):  # a migration changed the table; a retry prepares all statements again
            prepared.clear()
        raise
