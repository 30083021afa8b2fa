"""The fence before a commit, and the lease row that it reads (shared/cells/lease.py has the rules).

`select fence(epoch); commit` is one message of the simple protocol: an error of the first statement skips the second,
so whoever does not hold the lease does not commit, without another round trip.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from shared.cells.lease import LeaseRow, verdict
from shared.errors import OutcomeUnknown, Unavailable
from shared.postgres.database import Transaction
from shared.postgres.errors import FENCED, state_of
from shared.postgres.outgoing import outgoing
from shared.postgres.queries import queries
from shared.telemetry.cell_metrics import note_fenced

SQL: Final = queries(Path(__file__).parent / "sql" / "lease.sql")

MICROSECONDS: Final = 1_000_000

KNOWN_SECONDS: Final = 1.0
"""For how long a lease that was seen to be held answers for reads, without another look at it."""

EPOCH: Final = "_meridian_epoch"
"""Where a connection keeps the epoch under which it works."""


class Fence:
    """Commits and reads of one database under its cell's lease. One for all connections of a process to it.

    The epoch is that of the lease row when a connection was opened, or was last refused: what a session began on a
    server that has been promoted since is refused.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """monotonic: the process's own clock."""
        self._monotonic = monotonic
        self.epoch = 0
        """The latest epoch that a session has noted; 0 before the first."""
        self._covered = (math.inf, -math.inf)
        """From when until when, by that clock, the lease is known to be held."""

    def note(self, connection: CoreConnection) -> None:
        """Note the epoch under which a connection begins to work."""
        context = CoreConnection.execute_simple(connection, "select lease_epoch()")
        connection.__dict__[EPOCH] = int(context.rows[0][0])
        self.epoch = max(self.epoch, connection.__dict__[EPOCH])

    def commit(self, connection: CoreConnection) -> None:
        """Commit.

        Raises OutcomeUnknown if it committed too late to be acknowledged, or without its standby, and pg8000's
        DatabaseError with the SQLSTATE errors.FENCED if it did not commit.
        """
        if not self._passes(connection, "; commit"):
            raise OutcomeUnknown

    def check(self, connection: CoreConnection) -> None:
        """Make sure that what a connection has read may be told.

        Raises Unavailable, or pg8000's DatabaseError with the SQLSTATE errors.FENCED.
        """
        if not self._passes(connection, ""):
            raise Unavailable("This process was stopped for so long that what it has read may be outdated.")

    def covers(self, since: float) -> bool:
        """Whether the lease is known to have been held from a time of the own clock until now.

        What is known is used for KNOWN_SECONDS at most: a database clock that steps back is noticed by the next look.
        """
        begun, ends = self._covered
        return begun <= since and self._monotonic() < ends

    def now(self) -> float:
        """The present time of the own clock."""
        return self._monotonic()

    def _passes(self, connection: CoreConnection, then: str) -> bool:
        """Whether the holder of the lease got the response in time, and without a warning."""
        connection.notices.clear()
        sent_at = self._monotonic()
        try:
            context = outgoing(connection).send(f"select fence({connection.__dict__[EPOCH]}){then}")
        except DatabaseError as error:
            if state_of(error) == FENCED:
                note_fenced("refused")
            raise
        left = int(context.rows[0][0]) / MICROSECONDS
        warned = any(notice.get(b"V") == b"WARNING" for notice in connection.notices)
        if verdict(sent_at, left, self._monotonic(), warned=warned) == "unknown":
            note_fenced("late")
            return False
        begun, ends = self._covered
        self._covered = (begun if sent_at <= ends else sent_at, sent_at + min(left, KNOWN_SECONDS))
        return True


def read_clock(transaction: Transaction) -> tuple[float, float]:
    """The server's clock, and when it had started, in seconds since 1970, exact to the microsecond."""
    row = SQL.read_clock(transaction)
    return row["clock"] / MICROSECONDS, row["started"] / MICROSECONDS


def write_lease(transaction: Transaction, row: LeaseRow) -> bool:
    """Write a database's lease row; returns whether the database is of the row's epoch."""
    written: int = SQL.write_lease(
        transaction,
        epoch=row.epoch,
        held_until=round(row.until * MICROSECONDS),
        started=round(row.started * MICROSECONDS),
    )
    return written == 1
