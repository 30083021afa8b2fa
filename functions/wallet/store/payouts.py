"""Which supplies pay out to which wallets, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.wallet.domain.wallet import Reference
from shared.adapters.queries import queries
from shared.outbox.work import UnitOfWork

FIRST_CHECK: Final = timedelta(minutes=10)
"""After which a supply is there, or never will be."""

NEXT_CHECK: Final = timedelta(days=1)

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "payouts.sql")


class PayoutStore:
    """Which supplies pay out to which wallets."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def refer(self, supply_id: str, wallet_id: str) -> bool:
        check_at = self._work.now() + FIRST_CHECK
        noted = SQL.refer_payout(self._work.opened, supply_id=supply_id, wallet_id=wallet_id, check_at=check_at)
        return noted is not None

    def of(self, wallet_id: str) -> list[Reference]:
        return [Reference(**row) for row in SQL.list_references(self._work.opened, wallet_id=wallet_id)]

    def due(self, now: datetime, most: int) -> list[Reference]:
        return [Reference(**row) for row in SQL.find_due_references(self._work.opened, now=now, most=most)]

    def drop(self, references: Sequence[Reference]) -> int:
        return int(SQL.drop_references(self._work.opened, **_columns(references)))

    def postpone(self, references: Sequence[Reference]) -> None:
        SQL.postpone_references(self._work.opened, **_columns(references), check_at=self._work.now() + NEXT_CHECK)


def _columns(references: Sequence[Reference]) -> dict[str, list[Any]]:
    return {f"{name}s": [getattr(each, name) for each in references] for name in ("supply_id", "wallet_id", "version")}
