"""The fence before a commit, and the lease row that it reads (shared/cells/lease.py has the rules).

`select fence(epoch); commit` is one message of the simple protocol: an error of the first statement skips the second,
so whoever does not hold the lease does not commit, without another round trip.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pg8000.core import CoreConnection

from shared.cells.lease import LeaseRow, verdict
from shared.errors import OutcomeUnknown
from shared.postgres.database import Transaction
from shared.postgres.queries import queries

SQL: Final = queries(Path(__file__).parent / "sql" / "lease.sql")

MICROSECONDS: Final = 1_000_000


class Fence:
    """Commits under a cell's lease. One for all connections of a process."""

    def __init__(self, epoch: Callable[[], int], monotonic: Callable[[], float] = time.monotonic) -> None:
        """epoch: the one under which this process believes to serve its cell. monotonic: its own clock."""
        self._epoch = epoch
        self._monotonic = monotonic

    def commit(self, connection: CoreConnection) -> None:
        """Commit.

        Raises OutcomeUnknown if it committed too late to be acknowledged, or without its standby, and pg8000's
        DatabaseError with the SQLSTATE errors.FENCED if it did not commit.
        """
        connection.notices.clear()
        sent_at = self._monotonic()
        context = CoreConnection.execute_simple(connection, f"select fence({self._epoch()}); commit")
        left = int(context.rows[0][0]) / MICROSECONDS
        warned = any(notice.get(b"V") == b"WARNING" for notice in connection.notices)
        if verdict(sent_at, left, self._monotonic(), warned=warned) == "unknown":
            raise OutcomeUnknown


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
