"""Stores the failed items of jobs in the service's own PostgreSQL database."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from shared.clock import Clock
from shared.jobs.items import ItemFailure
from shared.postgres.database import Database, Transaction
from shared.postgres.queries import queries
from shared.telemetry.collectors import FailingItemCount

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""The bounds of the backoff, which doubles with each failure."""

FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""A failure whose retry is overdue for so long is forgotten: its item has ended in another way."""


class PostgresFailureStore:
    """The failed items of jobs, as one transaction sees them."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self._transaction = transaction
        self._now = now

    def find(self, job: str, items: Collection[str]) -> Mapping[str, ItemFailure]:
        rows = SQL.find_failures(self._transaction, job=job, items=list(items))
        return {row["item"]: ItemFailure(row["attempts"], row["next_try_at"]) for row in rows}

    def record(self, job: str, item: str, detail: str) -> None:
        forgotten = self._now - FORGOTTEN_AFTER
        SQL.record_failure(
            self._transaction,
            job=job,
            item=item,
            detail=detail,
            now=self._now,
            first=FIRST_PAUSE,
            longest=LONGEST_PAUSE,
            forgotten=forgotten,
        )
        SQL.forget_failures(self._transaction, job=job, forgotten=forgotten)

    def clear(self, job: str, items: Collection[str]) -> None:
        SQL.clear_failures(self._transaction, job=job, items=list(items))


def count_failures(database: Database, clock: Clock) -> list[FailingItemCount]:
    """How many items of each job are failing, and for how long the oldest has. Raises Unavailable."""
    now = clock.now()
    with database.transaction() as transaction:
        rows = SQL.count_failures(transaction, now=now, forgotten=now - FORGOTTEN_AFTER)
    return [FailingItemCount(row["job"], row["items"], row["oldest"] / 1_000_000) for row in rows]
