"""Translates errors of PostgreSQL and its driver into the project's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from shared.errors import Contended, Unavailable
from shared.resilience.breaker import GuardedCall
from shared.resilience.deadline import time_left

AT_LEAST_SECONDS: Final = 1.0
"""How long to wait for a statement even if its caller has given up: otherwise milliseconds would cost a connection."""

CONTENTION: Final = frozenset({"40001", "40P01", "55P03"})
"""SQLSTATEs after which a transaction is rolled back and can simply be retried."""

LOST: Final = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006", "25P03", "25P04"})
"""SQLSTATEs of a server that shuts down, or that ends the session of a transaction that took too long: the
connection is lost."""

READ_ONLY: Final = "25006"
"""The SQLSTATE of a write to a server that takes none: a standby, or one that is being restored."""

REFUSED: Final = "ME001"
"""The SQLSTATE that our own database functions raise to refuse."""

FENCED: Final = "ME002"
"""The SQLSTATE of a commit or strong read without the cell's lease (shared/postgres/fence.py); it did not happen."""

GONE: Final = ("network error", "connection is closed", "Can't create a connection")
"""How pg8000's InterfaceError begins if the connection failed."""


CANCELLED: Final = "57014"
"""The SQLSTATE of a statement that exceeded its timeout."""


class Cancelled(Unavailable):
    """The database cancelled a statement that took too long; the transaction can only be rolled back."""


class TakesNoWrites(Unavailable):
    """The database is read-only for now. Reads go on, so its breaker stays closed."""


class NotServedHere(Unavailable):
    """This cell is not served here for the moment; nothing was done."""


class UniqueViolation(Exception):
    """A row violated the unique constraint `constraint`."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        super().__init__(constraint)


class NotBegun(Exception):
    """A connection had died before a transaction began on it; its cause says how. Nothing was done."""


class EarlierFailed(Exception):
    """A statement failed that waited to be sent (outgoing.py); what came after it was not executed."""

    def __init__(self, error: DatabaseError) -> None:
        self.error = error
        super().__init__(error)


class Refused(Exception):
    """A database function refused, by `RAISE EXCEPTION 'CODE' USING ERRCODE = 'ME001'`. `code` is that code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def bound(connection: CoreConnection, seconds: float) -> None:
    """Set the socket timeout for the server's next response: so long, but not much longer than the caller waits."""
    connection._usock.settimeout(max(AT_LEAST_SECONDS, time_left(seconds)))


@contextmanager
def translated(call: GuardedCall | None = None) -> Iterator[None]:
    """Driver errors as the project's own: UniqueViolation, Refused, Contended, Unavailable. A defect stays as it is.

    call: records how long it took, and whether the database failed. A lost connection does not count as a failure:
    if the database is down, the next one fails to connect.
    """
    if call is not None:
        call.start_timer()
    try:
        with _own():
            yield
    except Unavailable as error:
        if call is not None and not lost(error.__cause__) and not isinstance(error, TakesNoWrites | NotServedHere):
            call.mark_failed()
        raise
    finally:
        if call is not None:
            call.stop_timer()


@contextmanager
def _own() -> Iterator[None]:
    try:
        yield
    except EarlierFailed as failed:
        try:
            with _own():
                raise failed.error
        except UniqueViolation as error:
            raise Contended from error  # whoever did not wait for the answer could not tell one duplicate from another
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
        if state == READ_ONLY:
            raise TakesNoWrites("The database takes no writes for now.") from error
        if state == FENCED:
            raise NotServedHere from error
        if state in LOST or state.startswith("53"):
            raise Unavailable("The database is not available.") from error
        raise
    except (InterfaceError, OSError) as error:
        if not gone(error):
            raise  # a defect of ours, which a retry does not fix
        raise Unavailable("The database is not available.") from error


def silent(error: BaseException | None) -> bool:
    """Whether the server did not respond in time."""
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "__cause__", None), TimeoutError)


def lost(error: BaseException | None) -> bool:
    """Whether a connection was closed; that may have happened to this one alone."""
    if isinstance(error, DatabaseError):
        return state_of(error) in LOST
    return not silent(error)


def gone(error: InterfaceError | OSError) -> bool:
    """Whether the connection failed."""
    return isinstance(error, OSError) or str(error.args[0]).startswith(GONE)


def stale(error: DatabaseError) -> bool:
    """Whether a prepared statement is older than a change of its table, so that it has to be prepared again."""
    details = error.args[0] if error.args else None
    return isinstance(details, dict) and details.get("R") == "RevalidateCachedQuery"


def state_of(error: DatabaseError) -> str:
    """The SQLSTATE of a server error; empty if the error came from elsewhere."""
    details = error.args[0] if error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""
