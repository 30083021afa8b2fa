"""PostgreSQL through pg8000's prepared statements, behind a small pool.

It uses CoreConnection's prepared calls, which pg8000's native and DB-API connections share: the Cloud SQL connector
returns the latter. pg8000 is pinned exactly; tests/shared/postgres/test_database.py tests the internals that are
used.
"""

import logging
import queue
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, TypeVar

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.errors import Contended, OutcomeUnknown, Unavailable
from shared.postgres.errors import (
    AT_LEAST_SECONDS,
    FENCED,
    LOST,
    EarlierFailed,
    NotServedHere,
    bound,
    gone,
    silent,
    state_of,
    translated,
)
from shared.postgres.notify import Notifier, discard
from shared.postgres.outgoing import outgoing
from shared.postgres.transaction import CommitFence, Row, Transaction
from shared.resilience.breaker import Breaker, GuardedCall

__all__ = ["CommitFence", "Database", "Row", "Transaction", "retried"]

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
"""How often a transaction that loses races is attempted; it is rolled back each time."""

T = TypeVar("T")


class Database:
    """One service's database: a bounded pool of connections, and transactions on them."""

    def __init__(
        self,
        connect: Callable[[], CoreConnection],
        breaker: Breaker,
        around_commit: Callable[[set[str]], AbstractContextManager[None]] | None = None,
        fence: CommitFence | None = None,
    ) -> None:
        """
        breaker: its bulkhead's size is that of the connection pool.
        around_commit: wraps each commit, given the changed resources' ids; invalidates the cache.
        fence: of the cell's lease (fence.Fence), under which it commits and reads; None where there are no leases.
        """
        self._connect = connect
        self._breaker = breaker
        self._idle: queue.LifoQueue[CoreConnection] = queue.LifoQueue()
        self._notifier = Notifier(connect)
        self._around_commit = around_commit or (lambda _: nullcontext())
        self._fence = fence

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin, and commit at the end; roll back on any error.

        Raises Unavailable if no connection is available, the breaker is open, or the cell's lease is not held; nothing
        was done then. Raises OutcomeUnknown if the connection dies at COMMIT, or the lease ended meanwhile: only
        looking the operation up by its id shows whether it took effect.
        """
        with self._breaker.guard(()) as call:
            connection = self._idle_one() or self._open(call)
            call.since = None  # nothing was sent yet
            transaction = Transaction(
                connection, call, self._breaker.policy.timeout_seconds, lambda dead, why: self._instead(dead, why, call)
            )
            try:
                yield transaction
                if transaction.outgoing.begins:  # what is sent with a commit must not be sent twice
                    transaction.send()
            except BaseException:
                self._undo(transaction)
                raise
            with self._around_commit(transaction.changed):
                self._commit(transaction.connection, call)
        if transaction.appended:
            self._notifier.wake()

    @contextmanager
    def statement(self) -> Iterator[Transaction]:
        """For one autocommitted statement, in one round trip. It must be idempotent, and no write of a cell: it is not
        fenced.

        Raises Unavailable; then it may have taken effect. Nothing is rolled back if the block raises after it.
        """
        with self._breaker.guard(()) as call:
            connection = self._idle_one() or self._open(call)
            call.since = None  # nothing was sent yet
            transaction = Transaction(connection, call, self._breaker.policy.timeout_seconds)
            try:
                yield transaction
            except Unavailable:
                transaction.answered = False  # the connection is gone, or may be
                raise
            finally:
                transaction.outgoing.forget()
                if transaction.answered:
                    self._idle.put(connection)
                else:
                    discard(connection)

    def read(self, ask: Callable[[Transaction], T]) -> T:
        """What one statement that only reads returns, in one round trip; in two if the lease has to be looked at.

        Raises Unavailable.
        """
        since = self._fence.now() if self._fence else 0.0
        try:
            with self.statement() as statement:
                found = ask(statement)
                if self._fence and not self._fence.covers(since):
                    statement.check(self._fence)
                return found
        except (Unavailable, Contended):  # an idle connection may have died, a prepared statement be outdated
            with self.transaction() as transaction:
                return ask(transaction)

    def assure(self) -> None:
        """Make sure that what a cache has of this database may be told: its cell is served here.

        Costs nothing for a while after a commit or a read. Raises Unavailable.
        """
        if self._fence is None or self._fence.covers(self._fence.now()):
            return
        with self.transaction():  # it ends with the fence
            pass

    def epoch(self) -> int:
        """The epoch under which its cell is served; 1 where there are no leases. Raises Unavailable."""
        if self._fence is None:
            return 1
        if not self._fence.epoch:
            self.assure()
        return self._fence.epoch

    def _idle_one(self) -> CoreConnection | None:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return None

    def _instead(self, dead: CoreConnection, error: BaseException | None, call: GuardedCall) -> CoreConnection:
        """Another connection in place of one on which no transaction could begin. Raises Unavailable.

        An idle connection may have died since its last use; nothing was done on it, so the next one is tried. If it
        does not respond at all, neither would the others.
        """
        log.info("a connection had died: %s", error)
        discard(dead)
        if silent(error):
            call.mark_failed()
        if silent(error) or not outgoing(dead).used:
            raise Unavailable("The database does not answer.") from error
        return self._idle_one() or self._open(call)

    def _open(self, call: GuardedCall) -> CoreConnection:
        """A new connection. Raises Unavailable."""
        try:
            with translated(call):
                connection = self._connect()
                if self._fence:
                    self._fence.note(connection)
                return connection
        except Unavailable:
            call.mark_failed()
            raise

    def _commit(self, connection: CoreConnection, call: GuardedCall) -> None:
        call.start_timer()
        try:
            bound(connection, self._breaker.policy.timeout_seconds)
            if self._fence:
                self._fence.commit(connection)
            else:
                outgoing(connection).send("commit")
        except EarlierFailed:
            self._rollback(connection)
            with translated():
                raise
        except OutcomeUnknown:  # it has committed, but this process may not say so
            self._idle.put(connection)
            raise
        except DatabaseError as error:
            if state_of(error) == FENCED:
                self._refused(connection)
                raise NotServedHere from error
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

    def _refused(self, connection: CoreConnection) -> None:
        """Roll back what the fence refused. The connection may go on under the epoch that there is now."""
        try:
            bound(connection, AT_LEAST_SECONDS)
            CoreConnection.execute_simple(connection, "rollback")
            if self._fence:
                self._fence.note(connection)
        except (InterfaceError, DatabaseError, OSError) as error:
            log.info("a connection died after its commit was refused: %s", error)
            discard(connection)
            return
        self._idle.put(connection)

    def _undo(self, transaction: Transaction) -> None:
        begins = transaction.outgoing.begins
        transaction.outgoing.forget()
        if not transaction.answered:
            discard(transaction.connection)
        elif begins:  # nothing was sent
            self._idle.put(transaction.connection)
        else:
            self._rollback(transaction.connection)

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
