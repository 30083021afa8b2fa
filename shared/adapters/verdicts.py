"""What PostgreSQL and its driver say, as the project's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.errors import Contended, Unavailable
from shared.resilience.breaker import Call
from shared.resilience.deadline import time_left

AT_LEAST_SECONDS: Final = 1.0
"""How long a statement is waited for, though its caller waits no more: else a connection is lost for milliseconds."""

CONTENTION: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs after which a transaction is rolled back and may simply be tried again."""

LOST: Final = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006", "25P03", "25P04"})
"""SQLSTATEs that say the server is going away, or ends a transaction that took too long with its session, so that the
connection is of no more use."""

REFUSED: Final = "ME001"
"""The SQLSTATE by which our own functions in the database refuse."""

GONE: Final = ("network error", "connection is closed", "Can't create a connection")
"""How pg8000's InterfaceError begins when the connection is what failed."""


CANCELLED: Final = "57014"
"""The SQLSTATE of a statement that took longer than it was given."""


class Cancelled(Unavailable):
    """The database gave up a statement that took too long; with the transaction it can do no more."""


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


def bound(connection: CoreConnection, seconds: float) -> None:
    """Wait no longer for the server's next answer, and not much longer than the caller does."""
    connection._usock.settimeout(max(AT_LEAST_SECONDS, time_left(seconds)))


@contextmanager
def translated(call: Call | None = None) -> Iterator[None]:
    """Driver errors as the project's own: UniqueViolation, Refused, Contended, Unavailable. A defect stays as it is.

    call: learns how long it took, and whether the database failed. A connection that was lost says nothing of it: the
    next one does.
    """
    if call is not None:
        call.ask()
    try:
        with _own():
            yield
    except Unavailable as error:
        if call is not None and not lost(error.__cause__):
            call.blame()
        raise
    finally:
        if call is not None:
            call.told()


@contextmanager
def _own() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        state = state_of(error)
        if state == "23505":
            raise UniqueViolation(error.args[0].get("n", "")) from error
        if state == REFUSED:
            raise Refused(error.args[0]["M"]) from error
        if state in CONTENTION or stale(error):
            raise Contended from error
        if state == CANCELLED:
            raise Cancelled("The database took too long.") from error
        if state in LOST or state.startswith("53"):
            raise Unavailable("The database is not available.") from error
        raise
    except (InterfaceError, OSError) as error:
        if not gone(error):
            raise  # a defect of ours, which waiting does not mend
        raise Unavailable("The database is not available.") from error


def silent(error: BaseException | None) -> bool:
    """Whether there was no answer in time."""
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "__cause__", None), TimeoutError)


def lost(error: BaseException | None) -> bool:
    """Whether a connection was cut; somebody may have done that to this one alone."""
    if isinstance(error, DatabaseError):
        return state_of(error) in LOST
    return not silent(error)


def gone(error: InterfaceError | OSError) -> bool:
    """Whether it is the connection that failed."""
    return isinstance(error, OSError) or str(error.args[0]).startswith(GONE)


def stale(error: DatabaseError) -> bool:
    """Whether a prepared statement is older than a change of its table, so that it has to be prepared anew."""
    details = error.args[0] if error.args else None
    return isinstance(details, dict) and details.get("R") == "RevalidateCachedQuery"


def state_of(error: DatabaseError) -> str:
    """The SQLSTATE of a server's error; empty when the error came from elsewhere."""
    details = error.args[0] if error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""
