"""PostgreSQL through pg8000's prepared statements, behind a small pool.

It uses CoreConnection's prepared calls, which pg8000's native and DB-API connections have in common: the Cloud SQL
connector returns the latter. pg8000 is pinned exactly; tests/shared/adapters/test_postgres.py holds it to what is used.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosql
from pg8000.converters import make_params
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import to_statement

from shared.adapters.notify import Notifier, discard
from shared.errors import Contended, OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)

POOL_WAIT_SECONDS: Final = 5
CONTENTION: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs after which a transaction is rolled back and may simply be tried again."""

ATTEMPTS: Final = 5
"""How often a transaction is tried that lost a race; it was rolled back each time."""

LOST: Final = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006"})
"""SQLSTATEs that say the server is going away, so the connection is of no more use."""

REFUSED: Final = "ME001"
"""The SQLSTATE by which our own functions in the database refuse."""

GONE: Final = ("network error", "connection is closed", "Can't create a connection")
"""How pg8000's InterfaceError begins when the connection is what failed."""

Row = dict[str, Any]
T = TypeVar("T")


class UniqueViolation(Exception):
    """A unique constraint refused a row. `constraint` is its name."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        super().__init__(constraint)


class Refused(Exception):
    """A function of the database refused, by `RAISE EXCEPTION 'CODE' USING ERRCODE = 'ME001'`. `code` is that code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class Transaction:
    """One open transaction. Statements are prepared once a connection and then called by name."""

    def __init__(self, connection: CoreConnection) -> None:
        self._connection = connection
        self.appended = False
        """Whether events were appended, so that the relay is woken after the commit."""
        self.changed: set[str] = set()
        """The ids of what was changed of things that may be cached."""
        self.answered = True
        """Whether every answer was read to its end. If not, the next statement would be given the rest of it."""

    def run(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """Run one prepared statement.

        Raises UniqueViolation, Refused, Contended, Unavailable or pg8000's DatabaseError.
        """
        with self._asking():
            context = _execute(self._connection, sql, parameters)
        names = [column["name"] for column in context.columns or ()]
        return [dict(zip(names, row, strict=True)) for row in context.rows or ()]

    def count(self, sql: str, parameters: dict[str, Any]) -> int:
        """Run one prepared statement and tell how many rows it touched. Raises as run does."""
        with self._asking():
            return int(_execute(self._connection, sql, parameters).row_count)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the transaction that is undone by itself when it raises."""
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
        """Let all further statements see one picture of the data; to be called before any other."""
        self._simple("set transaction isolation level repeatable read")

    def _simple(self, sql: str) -> None:
        with self._asking():
            CoreConnection.execute_simple(self._connection, sql)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around a statement. An error of the server's is a whole answer; after any other failure there may be more."""
        with translated():
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
        size: int,
        changing: Callable[[set[str]], AbstractContextManager[None]] | None = None,
    ) -> None:
        """changing: is told of what was changed, around each commit (cache.py)."""
        self._connect = connect
        self._idle: queue.LifoQueue[CoreConnection] = queue.LifoQueue()
        self._permits = threading.BoundedSemaphore(size)
        self._notifier = Notifier(connect)
        self._changing = changing or (lambda _: nullcontext())

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin, and commit at the end; roll back on any error.

        Raises Unavailable when no connection is to be had, and OutcomeUnknown when the connection dies at COMMIT: then
        only looking the operation up by its id tells whether it took effect.
        """
        with self._permit():
            connection = self._begin()
            transaction = Transaction(connection)
            try:
                yield transaction
            except BaseException:
                if transaction.answered:
                    self._rollback(connection)
                else:
                    discard(connection)
                raise
            with self._changing(transaction.changed):
                self._commit(connection)
        if transaction.appended:
            self._notifier.wake()

    @contextmanager
    def statement(self) -> Iterator[Transaction]:
        """For one statement that commits by itself, in one round trip. It has to be one that may be repeated.

        Raises Unavailable; then it may have taken effect. There is nothing to undo when what is done with its answer
        raises.
        """
        with self._permit():
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                with translated():
                    connection = self._connect()
            try:
                yield Transaction(connection)
            except BaseException:
                discard(connection)
                raise
            self._idle.put(connection)

    @contextmanager
    def _permit(self) -> Iterator[None]:
        """One of the pool's connections may be used meanwhile. Raises Unavailable when none is to be had for long."""
        if not self._permits.acquire(timeout=POOL_WAIT_SECONDS):
            raise Unavailable("Too many requests wait for the database.")
        try:
            yield
        finally:
            self._permits.release()

    def _begin(self) -> CoreConnection:
        """A connection on which a transaction was begun.

        An idle connection may have died since its last use; nothing was done on it, so the next one is tried.
        """
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                break
            try:
                CoreConnection.execute_simple(connection, "begin")
            except (InterfaceError, DatabaseError, OSError) as error:
                log.info("an idle connection had died: %s", error)
                discard(connection)
                continue
            return connection
        with translated():
            connection = self._connect()
            CoreConnection.execute_simple(connection, "begin")
            return connection

    def _commit(self, connection: CoreConnection) -> None:
        try:
            CoreConnection.execute_simple(connection, "commit")
        except DatabaseError as error:
            discard(connection)
            if _state(error) in LOST:
                raise OutcomeUnknown from error
            with translated():
                raise
        except (InterfaceError, OSError) as error:
            discard(connection)
            if not _gone(error):
                raise
            raise OutcomeUnknown from error
        self._idle.put(connection)

    def _rollback(self, connection: CoreConnection) -> None:
        try:
            CoreConnection.execute_simple(connection, "rollback")
        except (InterfaceError, DatabaseError, OSError) as error:
            log.info("a connection died before its rollback, which the server does by itself: %s", error)
            discard(connection)
            return
        self._idle.put(connection)

    def dedicated(self) -> CoreConnection:
        """A connection outside the pool, for what lives as long as its session: advisory locks and LISTEN.

        Raises Unavailable.
        """
        with translated():
            return self._connect()

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            discard(self._idle.get_nowait())


def retried(attempt: Callable[[], T]) -> T:
    """Try again what lost a race and was rolled back. Raises Contended after ATTEMPTS."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Contended:
            continue
    return attempt()


class _Prepared:
    """Lets aiosql's named queries run as prepared statements on a Transaction."""

    def process_sql(self, _name: str, _operation: object, sql: str) -> str:
        return sql

    def select(self, transaction: Transaction, _name: str, sql: str, parameters: Any, _record: Any = None) -> list[Row]:
        return transaction.run(sql, parameters)

    def select_one(
        self, transaction: Transaction, _name: str, sql: str, parameters: Any, _record: Any = None
    ) -> Row | None:
        rows = transaction.run(sql, parameters)
        return rows[0] if rows else None

    def select_value(self, transaction: Transaction, _name: str, sql: str, parameters: Any) -> Any:
        rows = transaction.run(sql, parameters)
        return next(iter(rows[0].values())) if rows else None

    def insert_update_delete(self, transaction: Transaction, _name: str, sql: str, parameters: Any) -> int:
        return transaction.count(sql, parameters)


def queries(path: Path) -> Any:
    """The named queries of a file: `queries.name(transaction, parameter=...)`.

    A name's suffix says what comes back: none a list of rows, `^` one row or None, `$` one value, `!` the rows touched.
    """
    return aiosql.from_path(path, _Prepared, kwargs_only=True, mandatory_parameters=False)


def _execute(connection: CoreConnection, sql: str, parameters: dict[str, Any]) -> Any:
    """Run a statement, preparing it the first time it is seen on this connection."""
    prepared = connection.__dict__.setdefault("_meridian_prepared", {})
    if sql not in prepared:
        statement, make_values = to_statement(sql)
        prepared[sql] = (*CoreConnection.prepare_statement(connection, statement, ()), statement, make_values)
    name, columns, functions, statement, make_values = prepared[sql]
    values = make_params(connection.py_types, make_values(parameters))
    return CoreConnection.execute_named(connection, name, values, columns, functions, statement)


@contextmanager
def translated() -> Iterator[None]:
    """Driver errors as the project's own: UniqueViolation, Refused, Contended, Unavailable. A defect stays as it is."""
    try:
        yield
    except DatabaseError as error:
        state = _state(error)
        if state == "23505":
            raise UniqueViolation(error.args[0].get("n", "")) from error
        if state == REFUSED:
            raise Refused(error.args[0]["M"]) from error
        if state in CONTENTION:
            raise Contended from error
        if state in LOST or state.startswith("53") or state == "57014":
            raise Unavailable("The database is not available.") from error
        raise
    except (InterfaceError, OSError) as error:
        if not _gone(error):
            raise  # a defect of ours, which waiting does not mend
        raise Unavailable("The database is not available.") from error


def _gone(error: InterfaceError | OSError) -> bool:
    """Whether it is the connection that failed."""
    return isinstance(error, OSError) or str(error.args[0]).startswith(GONE)


def _state(error: DatabaseError) -> str:
    """The SQLSTATE of a server's error; empty when the error came from elsewhere."""
    details = error.args[0] if error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""
