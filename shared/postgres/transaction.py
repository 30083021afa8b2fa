"""One transaction on a connection: prepared statements, savepoints, snapshots; and the port of the commit's fence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Generic, Protocol, TypeVar

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from shared.postgres.errors import EarlierFailed, NotBegun, bound, translated
from shared.postgres.outgoing import Outgoing, Statement, outgoing
from shared.resilience.breaker import GuardedCall

SNAPSHOT_SECONDS: Final = 12.0
"""How long to wait for a statement in a snapshot of all data: longer than the server's statement_timeout."""

WAITING_AT_MOST: Final = 64
"""How many statements wait before they are sent by themselves: answers that nobody reads yet must fit into the buffers
between server and client, or each would wait for the other."""

Row = dict[str, Any]
T = TypeVar("T")


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


class Pending(Generic[T]):
    """The result of a statement that waits to be sent."""

    def __init__(self, transaction: "Transaction", statement: Statement, decoded: Callable[[Any], T]) -> None:
        self._transaction = transaction
        self._statement = statement
        self._decoded = decoded

    def result(self) -> T:
        """The result; sends all that waits, unless that was done. Raises as Transaction.run does, of any of it."""
        if not self._statement.sent:
            self._transaction.send()
        if not self._statement.done:
            raise RuntimeError("the statement was skipped, or undone with its savepoint")
        return self._decoded(self._statement.context)


class Later:
    """A transaction whose statements wait: they go with the next one that does not, or with the commit.

    Named queries take it in place of the transaction: those that return rows, or how many they affected. A duplicate
    (UniqueViolation) is Contended here: it is found when the query's caller has gone on.
    """

    def __init__(self, transaction: "Transaction") -> None:
        self._transaction = transaction

    def run(self, sql: str, parameters: dict[str, Any]) -> Pending[list[Row]]:
        """The rows of a statement."""
        return Pending(self._transaction, self._transaction.add(sql, parameters), _rows)

    def count(self, sql: str, parameters: dict[str, Any]) -> Pending[int]:
        """How many rows a statement affects."""
        return Pending(self._transaction, self._transaction.add(sql, parameters), _count)


class Transaction:
    """One open transaction. Statements are prepared once per connection and then executed by name."""

    def __init__(
        self,
        connection: CoreConnection,
        call: GuardedCall | None = None,
        timeout_seconds: float = 0,
        another: Callable[[CoreConnection, BaseException | None], CoreConnection] | None = None,
    ) -> None:
        """
        call: for the breaker's statistics. timeout_seconds: per statement; 0 for the connection's own.
        another: takes a connection that had died before the transaction began, and why; gives another. With it BEGIN
            is sent with the first statement; without it statements commit by themselves, or in a transaction that is
            open already.
        """
        self.connection = connection
        self._call = call
        self._timeout_seconds = timeout_seconds
        self._another = another
        self.outgoing.begins = another is not None
        self.appended = False
        """Whether events were appended, so that the relay must be woken after the commit."""
        self.changed: set[str] = set()
        """The ids of changed resources that may be cached."""
        self.answered = True
        """Whether every response was read completely. If not, the next statement would read the rest of it."""

    @property
    def outgoing(self) -> Outgoing:
        """What is sent on its connection."""
        return outgoing(self.connection)

    @property
    def later(self) -> Later:
        """For named queries whose results nobody needs yet."""
        return Later(self)

    def run(self, sql: str, parameters: dict[str, Any]) -> list[Row]:
        """Run one prepared statement, after those that wait.

        Raises UniqueViolation, Refused, Contended, Unavailable or pg8000's DatabaseError.
        """
        return _rows(self._execute(sql, parameters))

    def count(self, sql: str, parameters: dict[str, Any]) -> int:
        """Run one prepared statement; returns how many rows it affected. Raises as run does."""
        return _count(self._execute(sql, parameters))

    def _execute(self, sql: str, parameters: dict[str, Any]) -> Any:
        statement = self.add(sql, parameters, awaited=True)
        self.send()
        return statement.context

    def add(self, sql: str, parameters: dict[str, Any], *, awaited: bool = False) -> Statement:
        """Have a statement wait for the next message. Raises as run does.

        awaited: whether its sender sends that now.
        """
        statement = Statement(sql, parameters, awaited)
        if self.outgoing.knows(sql):
            self.outgoing.add(statement)
        else:
            self._add(statement)
        if not awaited and len(self.outgoing.waiting) >= WAITING_AT_MOST:
            self.send()
        return statement

    def _add(self, statement: Statement) -> None:
        self._on_a_living(lambda: self.outgoing.add(statement))

    def send(self) -> None:
        """Send what waits, if anything does: statements, and BEGIN. Raises as run does."""
        if self.outgoing.waiting or self.outgoing.begins:
            self._simple(None)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint around a block, rolled back if it raises."""
        self._simple("savepoint part")
        appended = self.appended
        try:
            yield
            self._simple("release savepoint part")
        except BaseException:
            self.outgoing.forget()
            self._simple("rollback to savepoint part")
            self.appended = appended
            raise

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
            fence.check(self.connection)

    def _simple(self, sql: str | None) -> None:
        """Send what waits and, if given, a statement that has no parameters and returns nothing."""
        self._on_a_living(lambda: self.outgoing.send(sql))

    def _on_a_living(self, act: Callable[[], object]) -> None:
        """Do something on the connection, on another one if it had died before the transaction began."""
        while True:
            try:
                with self._asking():
                    act()
                return
            except NotBegun as error:
                self._replace(error.__cause__)

    def _replace(self, error: BaseException | None) -> None:
        """Go on with another connection. Raises Unavailable."""
        dead = self.outgoing
        if self._another is None:
            raise RuntimeError("nothing was to begin")
        self.answered = False  # should there be no other
        self.connection = self._another(self.connection, error)
        self.answered = True
        self.outgoing.begins = True
        for statement in dead.waiting:
            self._add(statement)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Around a statement. A server error is a complete response; after any other failure more may follow."""
        with translated(self._call):
            if self._timeout_seconds:
                bound(self.connection, self._timeout_seconds)
            try:
                yield
            except (DatabaseError, EarlierFailed, NotBegun):
                raise
            except BaseException:
                self.answered = False
                raise


def _rows(context: Any) -> list[Row]:
    names = [column["name"] for column in context.columns or ()]
    return [dict(zip(names, row, strict=True)) for row in context.rows or ()]


def _count(context: Any) -> int:
    return int(context.row_count)
