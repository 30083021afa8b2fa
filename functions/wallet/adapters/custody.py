"""Deposits and withdrawals in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from functions.wallet.domain import events
from functions.wallet.domain.custody import Arrival, Deposit, DepositAddress, Owner, Withdrawal
from functions.wallet.domain.proof import LedgerSnapshot
from shared import ids
from shared.chain.core.values import BlockRef
from shared.chain.nonce_store import PostgresCursor
from shared.errors import Contended, NotFound
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "custody.sql")

EVENTS: Final[Mapping[str, Any]] = {
    "sent": events.WithdrawalSent,
    "mined": events.WithdrawalMined,
    "failed": events.WithdrawalFailed,
}


class PostgresDeposits(PostgresCursor):
    """The deposits of one chain, and how far it was read."""

    def __init__(self, work: UnitOfWork, chain_id: int) -> None:
        super().__init__(work.current_transaction, chain_id)
        self._work = work

    def register_address(self, wallet_id: str, key: bytes, address: str) -> None:
        self._run(SQL.register_address, wallet_id=wallet_id, key=key, address=address, at=self._work.now())

    def is_deposit_address(self, address: str) -> bool:
        return bool(self._run(SQL.is_deposit_address, address=address))

    def addresses_in_turn(self, currency: str, most: int) -> Sequence[DepositAddress]:
        rows = self._run(SQL.list_in_turn, currency=currency, now=self._work.now(), most=most)
        return [DepositAddress(row["wallet_id"], bytes(row["key"])) for row in rows]

    def end_turn(self, currency: str, wallet_id: str) -> None:
        self._run(SQL.end_turn, currency=currency, wallet_id=wallet_id)

    def rewind(self, since: BlockRef, standing: BlockRef) -> None:
        super().rewind(since, standing)
        self._run(SQL.mark_orphaned, above=standing.number)

    def own_keys(self, keys: Collection[bytes]) -> set[bytes]:
        return {bytes(row["key"]) for row in self._run(SQL.list_own_keys, keys=list(keys))} if keys else set()

    def lock_cursor(self) -> int:
        row = self._run(SQL.lock_cursor)
        return int(row["number"]) if row else -1

    def doubtful(self, since: datetime, most: int) -> Sequence[Arrival]:
        return [_deposit(row).arrival for row in self._run(SQL.list_doubtful, since=since, most=most)]

    def mark(self, arrivals: Collection[Arrival], *, disowned: bool) -> None:
        if arrivals:
            self._run(SQL.mark_disowned, **_places(arrivals), disowned=disowned)

    def drop_others(self, arrivals: Collection[Arrival]) -> None:
        if arrivals:
            self._run(SQL.drop_others, **_places(arrivals))

    def find(self, arrival: Arrival) -> Deposit | None:
        row = self._run(SQL.find_deposit, transaction_hash=arrival.transaction_hash, position=arrival.position)
        return _deposit(row) if row else None

    def owner(self, key: bytes) -> Owner | None:
        row = self._run(SQL.find_owner, key=key)
        return Owner(**row) if row else None

    def append_credited(self, deposit: Deposit) -> None:
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

    def save(self, deposit: Deposit) -> None:
        arrival = deposit.arrival
        self._run(
            SQL.save_deposit,
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

    def ledger_snapshot(self, at: datetime | None) -> LedgerSnapshot:
        # In this order: a withdrawal booked between the two reads then does not count as owed twice.
        paid_out = {row["id"] for row in SQL.list_booked_withdrawals(self._work.current_transaction, at=at)}
        rows = SQL.balances_at(self._work.current_transaction, at=at)
        return LedgerSnapshot(
            {(row["holder"], row["currency"]): int(row["amount"]) for row in rows}, frozenset(paid_out)
        )

    def booked_beyond(self, number: int, at: datetime | None) -> Mapping[str, int]:
        return {row["currency"]: int(row["amount"]) for row in self._run(SQL.booked_beyond, number=number, at=at)}

    def orphaned(self, most: int) -> Sequence[str]:
        return [row["id"] for row in self._run(SQL.list_orphaned, now=self._work.now(), most=most)]

    def lock_orphaned(self, deposit_id: str) -> Deposit | None:
        row = SQL.lock_orphaned(self._work.current_transaction, id=deposit_id)
        return _deposit(row) if row else None

    def uncredited(self, most: int) -> Sequence[str]:
        return [row["id"] for row in self._run(SQL.list_uncredited, now=self._work.now(), most=most)]

    def lock_uncredited(self, deposit_id: str) -> Deposit | None:
        row = SQL.lock_uncredited(self._work.current_transaction, id=deposit_id)
        return _deposit(row) if row else None


class PostgresWithdrawals:
    """The withdrawals of one chain."""

    def __init__(self, work: UnitOfWork, chain_id: int) -> None:
        self._work = work
        self._chain_id = chain_id

    def request(self, withdrawal: Withdrawal) -> None:
        names = ("id", "wallet_id", "user_id", "currency", "amount", "fee", "to_address", "chain_id", "hold_id")
        values = {name: getattr(withdrawal, name) for name in names}
        SQL.request_withdrawal(self._work.current_transaction, **values, at=withdrawal.created_at)
        self._work.events.append(withdrawal.id, 0, [events.WithdrawalRequested(**_of(withdrawal))])

    def get(self, withdrawal_id: str, owner: str) -> Withdrawal:
        found = (
            SQL.find_withdrawal(self._work.current_transaction, id=withdrawal_id)
            if ids.valid(withdrawal_id, "wdr")
            else None
        )
        if found is None or found["user_id"] != owner:
            raise NotFound("There is no such withdrawal.")
        return Withdrawal(**found)

    def lock(self, withdrawal_id: str) -> Withdrawal:
        return Withdrawal(**SQL.lock_withdrawal(self._work.current_transaction, id=withdrawal_id))

    def save(self, withdrawal: Withdrawal) -> None:
        names = ("id", "status", "transaction_hash", "failure", "version")
        values = {name: getattr(withdrawal, name) for name in names}
        if not SQL.save_withdrawal(self._work.current_transaction, **values, at=withdrawal.updated_at):
            raise Contended
        failed = withdrawal.status == "failed"
        more = {"reason": withdrawal.failure} if failed else {"transaction_hash": withdrawal.transaction_hash}
        fact = EVENTS[withdrawal.status](**_of(withdrawal), **more)
        self._work.events.append(withdrawal.id, withdrawal.version - 1, [fact])

    def all(self) -> Sequence[Withdrawal]:
        rows = SQL.list_withdrawals(self._work.current_transaction, chain_id=self._chain_id)
        return [Withdrawal(**row) for row in rows]

    def unsigned(self, most: int) -> Sequence[Withdrawal]:
        rows = SQL.list_unsigned(
            self._work.current_transaction, chain_id=self._chain_id, now=self._work.now(), most=most
        )
        return [Withdrawal(**row) for row in rows]


def _of(withdrawal: Withdrawal) -> dict[str, Any]:
    """The fields that all events of a withdrawal have."""
    names = ("wallet_id", "user_id", "currency", "to_address", "chain_id")
    values = {name: getattr(withdrawal, name) for name in names}
    amounts = {"amount": Amount(withdrawal.amount), "fee": Amount(withdrawal.fee)}
    return {**values, **amounts, "withdrawal_id": withdrawal.id}


def _deposit(row: Row) -> Deposit:
    arrival = Arrival(
        chain_id=row["chain_id"],
        transaction_hash=row["transaction_hash"],
        position=row["position"],
        place=BlockRef(row["block_number"], row["block_hash"]),
        wallet_key=bytes(row["wallet_key"]),
        currency=row["currency"],
        amount=row["amount"],
    )
    same = {name: row[name] for name in ("id", "user_id", "status", "transfer_id", "version")}
    return Deposit(arrival=arrival, wallet_id=row["wallet_id"] or "", orphaned=row["doubted"], **same)


def _places(arrivals: Collection[Arrival]) -> dict[str, list[Any]]:
    return {"hashes": [each.transaction_hash for each in arrivals], "positions": [each.position for each in arrivals]}
