"""Payout references in PostgreSQL: which supplies pay out to which wallets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.wallet.domain.wallet import PayoutReference
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

FIRST_CHECK: Final = timedelta(minutes=10)
"""The time until the first check: by then the supply exists, or never will."""

NEXT_CHECK: Final = timedelta(days=1)

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "payouts.sql")


class PostgresPayouts:
    """Which supplies pay out to which wallets."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def refer(self, supply_id: str, wallet_id: str) -> bool:
        check_at = self._work.now() + FIRST_CHECK
        recorded = SQL.refer_payout(
            self._work.current_transaction, supply_id=supply_id, wallet_id=wallet_id, check_at=check_at
        )
        return recorded is not None

    def of(self, wallet_id: str) -> list[PayoutReference]:
        return [
            PayoutReference(**row) for row in SQL.list_references(self._work.current_transaction, wallet_id=wallet_id)
        ]

    def due(self, now: datetime, most: int) -> list[PayoutReference]:
        return [
            PayoutReference(**row)
            for row in SQL.find_due_references(self._work.current_transaction, now=now, most=most)
        ]

    def drop(self, references: Sequence[PayoutReference]) -> int:
        return int(SQL.drop_references(self._work.current_transaction, **_columns(references)))

    def back_off(self, references: Sequence[PayoutReference]) -> None:
        SQL.back_off_references(
            self._work.current_transaction, **_columns(references), check_at=self._work.now() + NEXT_CHECK
        )


def _columns(references: Sequence[PayoutReference]) -> dict[str, list[Any]]:
    return {f"{name}s": [getattr(each, name) for each in references] for name in ("supply_id", "wallet_id", "version")}
