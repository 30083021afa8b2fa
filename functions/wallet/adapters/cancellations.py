"""Withdrawals that are to fail, in PostgreSQL."""

from collections.abc import Sequence

from functions.wallet.adapters.custody import SQL
from functions.wallet.domain.custody import Cancellation, Withdrawal
from shared.errors import Contended
from shared.unit_of_work import UnitOfWork


class PostgresCancellations:
    """The cancellations on one chain."""

    def __init__(self, work: UnitOfWork, chain_id: int) -> None:
        self._work = work
        self._chain_id = chain_id

    def request(self, withdrawal_id: str, failure: str) -> None:
        SQL.request_cancellation(
            self._work.current_transaction, withdrawal_id=withdrawal_id, failure=failure, at=self._work.now()
        )

    def failure(self, withdrawal_id: str) -> str | None:
        found: str | None = SQL.find_cancellation(self._work.current_transaction, withdrawal_id=withdrawal_id)
        return found

    def due(self, most: int) -> Sequence[Cancellation]:
        transaction = self._work.current_transaction
        rows = SQL.list_due_cancellations(transaction, chain_id=self._chain_id, now=self._work.now(), most=most)
        return [
            Cancellation(
                Withdrawal(**SQL.find_withdrawal(transaction, id=row["id"])), row["reason"], int(row["attempts"])
            )
            for row in rows
        ]

    def count(self, cancellation: Cancellation) -> None:
        counted = SQL.count_cancellation(
            self._work.current_transaction,
            withdrawal_id=cancellation.withdrawal.id,
            attempts=cancellation.attempts,
        )
        if not counted:
            raise Contended
