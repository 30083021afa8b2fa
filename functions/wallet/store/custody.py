"""Deposits, withdrawals and the treasury's transactions, in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from functions.wallet.domain import events
from functions.wallet.domain.custody import Arrival, Deposit, DepositAddress, Owner, Withdrawal
from functions.wallet.domain.proof import Kept
from shared import ids
from shared.adapters.chains import CursorStore
from shared.adapters.postgres import Row
from shared.adapters.queries import queries
from shared.chains import Place
from shared.errors import Contended, NotFound
from shared.money import Amount
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "custody.sql")

FACTS: Final[Mapping[str, Any]] = {
    "sent": events.WithdrawalSent,
    "mined": events.WithdrawalMined,
    "failed": events.WithdrawalFailed,
}


class DepositStore(CursorStore):
    """What has arrived on one chain."""

    def __init__(self, work: UnitOfWork, chain_id: int) -> None:
        super().__init__(work.opened, chain_id)
        self._work = work

    def hand_out(self, wallet_id: str, key: bytes, address: str) -> None:
        self._run(SQL.hand_out_address, wallet_id=wallet_id, key=key, address=address, at=self._work.now())

    def handed_out(self, address: str) -> bool:
        return bool(self._run(SQL.is_handed_out, address=address))

    def in_turn(self, currency: str, most: int) -> Sequence[DepositAddress]:
        rows = self._run(SQL.list_in_turn, currency=currency, now=self._work.now(), most=most)
        return [DepositAddress(row["wallet_id"], bytes(row["key"])) for row in rows]

    def take_turn(self, currency: str, wallet_id: str) -> None:
        self._run(SQL.take_turn, currency=currency, wallet_id=wallet_id)

    def rewind(self, since: Place, standing: Place) -> None:
        super().rewind(since, standing)
        self._run(SQL.doubt_deposits, above=standing.number)

    def known(self, arrival: Arrival) -> Deposit | None:
        row = self._run(SQL.find_deposit, transaction_hash=arrival.transaction_hash, position=arrival.position)
        return _deposit(row) if row else None

    def owner(self, key: bytes) -> Owner | None:
        row = self._run(SQL.find_owner, key=key)
        return Owner(**row) if row else None

    def tell(self, deposit: Deposit) -> None:
        arrival = deposit.arrival
        fact = events.DepositCredited(
            deposit_id=deposit.id,
            wallet_id=deposit.wallet_id,
            user_id=deposit.user_id,
            currency=arrival.currency,
            amount=Amount(arrival.amount),
            chain_id=arrival.chain_id,
            transaction_hash=arrival.transaction_hash,
            transfer_id=deposit.transfer_id,
            in_place_of=deposit.in_place_of,
        )
        self._work.events.append(deposit.id, deposit.version - 1, [fact])

    def keep(self, deposit: Deposit) -> None:
        arrival = deposit.arrival
        self._run(
            SQL.book_deposit,
            id=deposit.id,
            transaction_hash=arrival.transaction_hash,
            position=arrival.position,
            block_number=arrival.place.number,
            block_hash=arrival.place.hash,
            wallet_key=arrival.wallet_key,
            wallet_id=deposit.wallet_id or None,
            user_id=deposit.user_id,
            currency=arrival.currency,
            amount=arrival.amount,
            status=deposit.status,
            transfer_id=deposit.transfer_id,
            version=deposit.version,
            at=self._work.now(),
        )

    def booked(self, up_to: int) -> Mapping[str, int]:
        return {row["currency"]: row["amount"] for row in self._run(SQL.booked, up_to=up_to)}

    def kept(self, at: datetime | None) -> Kept:
        # In this order, so that what is booked meanwhile is not thought to be owed twice.
        left = {row["id"] for row in SQL.list_booked_withdrawals(self._work.opened, at=at)}
        rows = SQL.balances_at(self._work.opened, at=at)
        return Kept({(row["holder"], row["currency"]): int(row["amount"]) for row in rows}, frozenset(left))

    def booked_beyond(self, number: int, at: datetime | None) -> Mapping[str, int]:
        return {row["currency"]: int(row["amount"]) for row in self._run(SQL.booked_beyond, number=number, at=at)}

    def forgotten(self, most: int) -> Sequence[str]:
        return [row["id"] for row in self._run(SQL.list_forgotten, now=self._work.now(), most=most)]

    def lock_forgotten(self, deposit_id: str) -> Deposit | None:
        row = SQL.lock_forgotten(self._work.opened, id=deposit_id)
        return _deposit(row) if row else None

    def uncredited(self, most: int) -> Sequence[str]:
        return [row["id"] for row in self._run(SQL.list_uncredited, now=self._work.now(), most=most)]

    def lock_uncredited(self, deposit_id: str) -> Deposit | None:
        row = SQL.lock_uncredited(self._work.opened, id=deposit_id)
        return _deposit(row) if row else None


class WithdrawalStore:
    """Money on its way out."""

    def __init__(self, work: UnitOfWork, chain_id: int) -> None:
        self._work = work
        self._chain_id = chain_id

    def request(self, withdrawal: Withdrawal) -> None:
        names = ("id", "wallet_id", "user_id", "currency", "amount", "fee", "to_address", "chain_id", "hold_id")
        values = {name: getattr(withdrawal, name) for name in names}
        SQL.request_withdrawal(self._work.opened, **values, at=withdrawal.created_at)
        self._work.events.append(withdrawal.id, 0, [events.WithdrawalRequested(**_of(withdrawal))])

    def get(self, withdrawal_id: str, owner: str) -> Withdrawal:
        found = SQL.find_withdrawal(self._work.opened, id=withdrawal_id) if ids.valid(withdrawal_id, "wdr") else None
        if found is None or found["user_id"] != owner:
            raise NotFound("There is no such withdrawal.")
        return Withdrawal(**found)

    def lock(self, withdrawal_id: str) -> Withdrawal:
        return Withdrawal(**SQL.lock_withdrawal(self._work.opened, id=withdrawal_id))

    def save(self, withdrawal: Withdrawal) -> None:
        names = ("id", "status", "transaction_hash", "failure", "version")
        values = {name: getattr(withdrawal, name) for name in names}
        if not SQL.save_withdrawal(self._work.opened, **values, at=withdrawal.updated_at):
            raise Contended
        failed = withdrawal.status == "failed"
        more = {"reason": withdrawal.failure} if failed else {"transaction_hash": withdrawal.transaction_hash}
        fact = FACTS[withdrawal.status](**_of(withdrawal), **more)
        self._work.events.append(withdrawal.id, withdrawal.version - 1, [fact])

    def every(self) -> Sequence[Withdrawal]:
        rows = SQL.every_withdrawal(self._work.opened, chain_id=self._chain_id)
        return [Withdrawal(**row) for row in rows]

    def waiting(self, most: int) -> Sequence[Withdrawal]:
        rows = SQL.list_waiting(self._work.opened, chain_id=self._chain_id, now=self._work.now(), most=most)
        return [Withdrawal(**row) for row in rows]


def _of(withdrawal: Withdrawal) -> dict[str, Any]:
    """What every fact of a withdrawal says."""
    names = ("wallet_id", "user_id", "currency", "to_address", "chain_id")
    values = {name: getattr(withdrawal, name) for name in names}
    amounts = {"amount": Amount(withdrawal.amount), "fee": Amount(withdrawal.fee)}
    return {**values, **amounts, "withdrawal_id": withdrawal.id}


def _deposit(row: Row) -> Deposit:
    arrival = Arrival(
        chain_id=row["chain_id"],
        transaction_hash=row["transaction_hash"],
        position=row["position"],
        place=Place(row["block_number"], row["block_hash"]),
        wallet_key=bytes(row["wallet_key"]),
        currency=row["currency"],
        amount=row["amount"],
    )
    known = {name: row[name] for name in ("id", "user_id", "status", "transfer_id", "version", "doubted")}
    return Deposit(arrival=arrival, wallet_id=row["wallet_id"] or "", **known)
