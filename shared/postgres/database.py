"""PostgreSQL through pg8000's prepared statements, behind a small pool.

It uses CoreConnection's prepared calls, which pg8000's native and DB-API connections share: the Cloud SQL connector
returns the latter. pg8000 is pinned exactly; tests/shared/postgres/test_database.py tests the internals that are
used.
"""

import logging
import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeVar

from pg8000.converters import make_params
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import to_statement

from shared.errors import Contended, OutcomeUnknown, Unavailable
from shared.postgres.errors import AT_LEAST_SECONDS, FENCED, LOST, bound, gone, silent, stale, state_of, translated
from shared.postgres.notify import Notifier, discard
from shared.resilience.breaker import Breaker, GuardedCall

log = logging.getLogger(__name__)

SNAPSHOT_SECONDS: Final = 12.0
"""How long to wait for a statement in a snapshot of all data: longer than the server's statement_timeout."""

ATTEMPTS: Final = 5
"""How often a transaction that loses races is attempted; it is rolled back each time."""

Row = dict[str, Any]
T = TypeVar("T")


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


class Database:
    """One service's database: a bounded pool of connections, and transactions on them."""

    def __init__(
        self,
        connect: Callable[[], CoreConnection],
        breaker: Breaker,
        around_commit: Callable[[set[str]], AbstractContextManager[None]] | None = None,
        fenced_commit: Callable[[CoreConnection], None] | None = None,
    ) -> None:
        """
        breaker: its bulkhead's size is that of the connection pool.
        around_commit: wraps each commit, given the changed resources' ids; invalidates the cache.
        fenced_commit: commits under the cell's lease (fence.Fence.commit); None where there are no leases.
        """
        self._connect = connect
        self._breaker = breaker
        self._idle: queue.LifoQueue[CoreConnection] = queue.LifoQueue()
        self._notifier = Notifier(connect)
        self._around_commit = around_commit or (lambda _: nullcontext())
        self._send_commit = fenced_commit or (lambda each: CoreConnection.execute_simple(each, "commit"))

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin, and commit at the end; roll back on any error.

        Raises Unavailable if no connection is available, the breaker is open, or the cell's lease is not held; nothing
        was done then. Raises OutcomeUnknown if the connection dies at COMMIT, or the lease ended meanwhile: only
        looking the operation up by its id shows whether it took effect.
        """
        with self._breaker.guard(()) as call:
            connection = self._begin(call)
            call.stop_timer()
            transaction = Transaction(connection, call, self._breaker.policy.timeout_seconds)
            try:
                yield transaction
            except BaseException:
                if transaction.answered:
                    self._rollback(connection)
                else:
                    discard(connection)
                raise
            with self._around_commit(transaction.changed):
                self._commit(connection, call)
        if transaction.appended:
            self._notifier.wake()

    @contextmanager
    def statement(self) -> Iterator[Transaction]:
        """For one autocommitted statement, in one round trip. It must be idempotent.

        Raises Unavailable; then it may have taken effect. Nothing is rolled back if the block raises after it.
        """
        with self._breaker.guard(()) as call:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._open(call)
            call.since = None  # nothing was sent yet
            transaction = Transaction(connection, call, self._breaker.policy.timeout_seconds)
            try:
                yield transaction
            except Unavailable:
                transaction.answered = False  # the connection is gone, or may be
                raise
            finally:
                if transaction.answered:
                    self._idle.put(connection)
                else:
                    discard(connection)

    def read(self, ask: Callable[[Transaction], T]) -> T:
        """What one statement that only reads returns, in one round trip. Raises Unavailable."""
        try:
            with self.statement() as statement:
                return ask(statement)
        except (Unavailable, Contended):  # an idle connection may have died, a prepared statement be outdated
            with self.transaction() as transaction:
                return ask(transaction)

    def _begin(self, call: GuardedCall) -> CoreConnection:
        """A connection with a new transaction.

        An idle connection may have died since its last use; nothing was done on it, so the next one is tried. If it
        does not respond at all, neither would the others.
        """
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                break
            try:
                bound(connection, self._breaker.policy.timeout_seconds)
                CoreConnection.execute_simple(connection, "begin")
            except (InterfaceError, DatabaseError, OSError) as error:
                log.info("an idle connection had died: %s", error)
                discard(connection)
                if silent(error):
                    call.mark_failed()
                    raise Unavailable("The database does not answer.") from error
                continue
            return connection
        connection = self._open(call)
        with translated(call):
            CoreConnection.execute_simple(connection, "begin")
        return connection

    def _open(self, call: GuardedCall) -> CoreConnection:
        """A new connection. Raises Unavailable."""
        try:
            with translated(call):
                return self._connect()
        except Unavailable:
            call.mark_failed()
            raise

    def _commit(self, connection: CoreConnection, call: GuardedCall) -> None:
        call.start_timer()
        try:
            bound(connection, self._breaker.policy.timeout_seconds)
            self._send_commit(connection)
        except OutcomeUnknown:  # it has committed, but this process may not say so
            self._idle.put(connection)
            raise
        except DatabaseError as error:
            if state_of(error) == FENCED:
                self._rollback(connection)
                raise Unavailable("This cell takes no writes here for the moment; nothing was done.") from error
            discard(connection)
            if state_of(error) in LOST:
                raise OutcomeUnknown from error
            with translated():
                raise
        except (InterfaceError, OSError) as error:
            discard(connection)
            if not gone(error):
                raise
            call.bad |= silent(error)
            raise OutcomeUnknown from error
        call.stop_timer()
        self._idle.put(connection)

    def _rollback(self, connection: CoreConnection) -> None:
        try:
            bound(connection, AT_LEAST_SECONDS)
            CoreConnection.execute_simple(connection, "rollback")
        except (InterfaceError, DatabaseError, OSError) as error:
            log.info("a connection died before its rollback, which the server does by itself: %s", error)
            discard(connection)
            return
        self._idle.put(connection)

    def dedicated(self) -> CoreConnection:
        """A connection outside the pool, for session-level state: advisory locks and LISTEN.

        Raises Unavailable.
        """
        with translated():
            return self._connect()

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            discard(self._idle.get_nowait())


def retried(attempt: Callable[[], T]) -> T:
    """Run a function, and retry it when it raises Contended. Raises Contended after ATTEMPTS."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Contended:
            continue
    return attempt()


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
