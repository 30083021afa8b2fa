"""Holds in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.wallet.adapters.ledger import SQL as LEDGER
from functions.wallet.adapters.wallets import SQL as WALLETS
from functions.wallet.domain import events
from functions.wallet.domain.holds import Capture, Hold, HoldStatus
from functions.wallet.domain.ledger import Account
from functions.wallet.domain.wallet import Wallet
from shared.contracts.encode import to_json
from shared.errors import Contended
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.telemetry.context import context_of
from shared.unit_of_work import UnitOfWork

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
"""The delay before the order of a hold is checked again: the first time, and at most."""

NOTHING_CAPTURED: Final[Mapping[str, str]] = {}

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "holds.sql")
PAYOUTS: Final = queries(Path(__file__).parent.parent / "sql" / "payouts.sql")


class PostgresHolds:
    """Funds set aside for orders and withdrawals."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def lock(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        return {row["id"]: _hold(row) for row in SQL.lock_holds(self._work.current_transaction, ids=list(hold_ids))}

    def read(
        self, wallet_ids: Sequence[str], hold_ids: Sequence[str]
    ) -> tuple[Mapping[tuple[str, str], Account], Mapping[str, Hold], Sequence[Wallet]]:
        transaction = self._work.current_transaction
        accounts = LEDGER.lock_accounts(transaction.later, wallet_ids=list(wallet_ids))
        known = SQL.find_holds(transaction.later, ids=list(hold_ids))
        wallets = WALLETS.find_wallets(transaction, ids=list(wallet_ids), default_of=[])
        return (
            {(row["wallet_id"], row["currency"]): Account(**row) for row in accounts.result()},
            {row["id"]: _hold(row) for row in known.result()},
            [Wallet(**row) for row in wallets],
        )

    def place(self, holds: Sequence[Hold]) -> None:
        if not holds:
            return
        rows = [
            {**_fields(hold), "expires_at": hold.expires_at, "payout_wallet_ids": hold.payout_wallet_ids}
            for hold in holds
        ]
        later = self._work.current_transaction.later
        SQL.insert_holds(later, holds=to_json(rows).decode(), at=self._work.now())
        self._change_held(holds, sign=1)
        self._work.events.append_all(
            (hold.id, 1, events.HoldPlaced(**_fact(hold), expires_at=hold.expires_at)) for hold in holds
        )

    def release(self, holds: Sequence[Hold], reason: Mapping[str, str]) -> None:
        self._end(holds, "released", reason)
        self._change_held(holds, sign=-1)
        if orders := [hold.order_id for hold in holds if hold.order_id]:
            PAYOUTS.end_order_payouts(self._work.current_transaction.later, order_ids=orders)
        self._work.events.append_all(
            (hold.id, hold.version + 1, events.HoldReleased(**_fact(hold), reason=reason[hold.id])) for hold in holds
        )

    def write_tombstones(self, orders: Mapping[str, str], reason: Mapping[str, str]) -> None:
        rows = [{"id": hold_id, "order_id": orders[hold_id], "reason": reason[hold_id]} for hold_id in orders]
        later = self._work.current_transaction.later
        SQL.write_hold_tombstones(later, holds=to_json(rows).decode(), at=self._work.now())
        self._work.events.append_all(
            (hold_id, 1, events.HoldReleased(hold_id=hold_id, order_id=orders[hold_id], reason=reason[hold_id]))
            for hold_id in orders
        )

    def capture(self, captures: Sequence[Capture]) -> None:
        holds = [each.hold for each in captures]
        self._end(holds, "captured", {}, {each.hold.id: str(each.amount) for each in captures})
        self._work.events.append_all(
            ((each.hold.id, each.hold.version + 1, _captured(each)) for each in captures),
            traces={hold.id: context_of(hold.order_id) for hold in holds if hold.order_id},
        )

    def firm(self, hold_ids: Sequence[str]) -> None:
        SQL.firm_holds(self._work.current_transaction, ids=list(hold_ids), at=self._work.now() + LONGEST_WAIT)

    def expired(self, now: datetime, most: int) -> list[Hold]:
        return [_hold(row) for row in SQL.find_expired_holds(self._work.current_transaction, now=now, most=most)]

    def lapse(self, wallet_id: str, now: datetime) -> bool:
        lapsed = [
            _hold(row) for row in SQL.lock_lapsed_holds(self._work.current_transaction, wallet_id=wallet_id, now=now)
        ]
        self.release(lapsed, {hold.id: "expired" for hold in lapsed})
        return bool(lapsed)

    def back_off(self, hold_ids: Sequence[str], now: datetime) -> None:
        SQL.back_off_holds(
            self._work.current_transaction, ids=list(hold_ids), now=now, first=FIRST_WAIT, longest=LONGEST_WAIT
        )

    def _end(
        self,
        holds: Sequence[Hold],
        status: HoldStatus,
        reason: Mapping[str, str],
        captured: Mapping[str, str] = NOTHING_CAPTURED,
    ) -> None:
        ends = [{"id": hold.id, "reason": reason.get(hold.id), "captured": captured.get(hold.id)} for hold in holds]
        if SQL.end_holds(
            self._work.current_transaction, ends=to_json(ends).decode(), status=status, at=self._work.now()
        ) < len(holds):
            raise Contended

    def _change_held(self, holds: Sequence[Hold], sign: int) -> None:
        changes = [
            {"wallet_id": hold.wallet_id, "currency": hold.currency, "change": str(sign * hold.amount)}
            for hold in holds
        ]
        if changes:
            SQL.change_held(self._work.current_transaction.later, changes=to_json(changes).decode())


def _fields(hold: Hold) -> dict[str, Any]:
    names = ("id", "order_id", "wallet_id", "user_id", "currency")
    return {**{name: getattr(hold, name) for name in names}, "amount": str(hold.amount)}


def _fact(hold: Hold) -> dict[str, Any]:
    names = ("order_id", "wallet_id", "user_id", "currency")
    return {**{name: getattr(hold, name) for name in names}, "hold_id": hold.id, "amount": Amount(hold.amount)}


def _captured(capture: Capture) -> events.HoldCaptured:
    fact = {**_fact(capture.hold), "amount": Amount(capture.amount)}
    return events.HoldCaptured(**fact, transfer_id=capture.transfer_id)


def _hold(row: Row) -> Hold:
    """The hold of a row; a tombstone's missing fields are empty."""
    return Hold(
        id=row["id"],
        order_id=row["order_id"],
        wallet_id=row["wallet_id"] or "",
        user_id=row["user_id"] or "",
        currency=row["currency"] or "",
        amount=row["amount"] or 0,
        expires_at=row["expires_at"] or row["placed_at"],
        status=row["status"],
        firm=row["firm"],
        version=row["version"],
    )
