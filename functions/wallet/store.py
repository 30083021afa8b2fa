"""Wallets in PostgreSQL: the implementation of the ports, rows to domain and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from functions.wallet.clients import OrderClient
from functions.wallet.domain import events
from functions.wallet.domain.errors import BalanceOverflow
from functions.wallet.domain.holds import Hold, Status
from functions.wallet.domain.ledger import Account, Transfer
from functions.wallet.domain.wallet import Wallet
from functions.wallet.views import BalancesView, BalanceView, EntryView, HoldView
from shared import ids
from shared.adapters.postgres import Row, queries
from shared.contracts.encode import to_json
from shared.errors import Contended, NotFound
from shared.money import MAXIMUM, Amount, SignedAmount
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")


class Work(UnitOfWork):
    """The work of one operation on wallets."""

    @cached_property
    def wallets(self) -> "WalletStore":
        """The wallets of users."""
        return WalletStore(self)

    @cached_property
    def ledger(self) -> "LedgerStore":
        """Movements of money."""
        return LedgerStore(self)

    @cached_property
    def holds(self) -> "HoldStore":
        """Funds set aside for orders."""
        return HoldStore(self)

    @cached_property
    def escrows(self) -> "EscrowStore":
        """The money of paid orders."""
        return EscrowStore(self)

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "wallet"))


class WalletStore:
    """The wallets of users."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def open_default(self, wallet: Wallet) -> Wallet:
        opened = SQL.open_wallet(
            self._work.opened,
            id=wallet.id,
            user_id=wallet.user_id,
            name=wallet.name,
            address=wallet.address,
            chain_id=wallet.chain_id,
            at=wallet.created_at,
        )
        if opened is None:
            return Wallet(**SQL.find_default(self._work.opened, user_id=wallet.user_id))
        fact = events.WalletOpened(
            wallet_id=wallet.id, user_id=wallet.user_id, address=wallet.address, chain_id=wallet.chain_id
        )
        self._work.events.append(wallet.id, 0, [fact])
        return wallet

    def get(self, wallet_id: str, owner: str) -> Wallet:
        found = self.find([wallet_id]) if ids.valid(wallet_id, "wal") else []
        if not found or found[0].user_id != owner:
            raise NotFound("There is no such wallet.")
        return found[0]

    def find(self, wallet_ids: Sequence[str], default_of: Sequence[str] = ()) -> list[Wallet]:
        rows = SQL.find_wallets(self._work.opened, ids=list(wallet_ids), default_of=list(default_of))
        return [Wallet(**row) for row in rows]

    def browse(self, owner: str, after: str | None, most: int) -> list[Wallet]:
        rows = SQL.list_wallets(self._work.opened, user_id=owner, after=after, most=most)
        return [Wallet(**row) for row in rows]

    def balances(self, wallet_id: str, at: datetime | None) -> BalancesView:
        if at is None:
            rows = SQL.picture(self._work.opened, wallet_id=wallet_id)
        else:
            rows = SQL.picture_at(self._work.opened, wallet_id=wallet_id, at=at)
        accounts = [next(group) for _, group in groupby(rows, key=lambda row: row["currency"])]
        return BalancesView(
            wallet_id=wallet_id,
            version=sum(account["version"] for account in accounts),
            balances=[
                BalanceView(
                    currency=account["currency"],
                    posted=Amount(account["posted"]),
                    held=Amount(account["held"]),
                    available=Amount(account["posted"] - account["held"]),
                )
                for account in accounts
            ],
            holds=[
                HoldView(
                    id=row["hold_id"],
                    order_id=row["order_id"],
                    currency=row["currency"],
                    amount=Amount(row["hold_amount"]),
                )
                for row in rows
                if row["hold_id"]
            ],
        )

    def entries(self, wallet_id: str, after: str | None, most: int) -> Sequence[EntryView]:
        rows = SQL.list_entries(self._work.opened, wallet_id=wallet_id, after=after, most=most)
        return [
            EntryView(
                **{
                    **row,
                    "amount": SignedAmount(row["amount"]),
                    "balance_after": Amount(row["balance_after"]),
                }
            )
            for row in rows
        ]


class LedgerStore:
    """Movements of money."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def lock(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], Account]:
        rows = SQL.lock_accounts(self._work.opened, wallet_ids=list(wallet_ids))
        return {(row["wallet_id"], row["currency"]): Account(**row) for row in rows}

    def post(self, transfer: Transfer, user_ids: Sequence[str]) -> None:
        postings = [
            {
                "entry_id": self._work.new_id("ent"),
                "account": posting.account,
                "system": posting.system,
                "currency": posting.currency,
                "amount": str(posting.amount),
                "unhold": str(posting.unhold),
            }
            for posting in transfer.postings
        ]
        posted = SQL.post_transfer(
            self._work.opened,
            id=transfer.id,
            kind=transfer.kind,
            reference=transfer.reference,
            order_id=transfer.order_id,
            at=transfer.created_at,
            postings=to_json(postings).decode(),
        )
        if any((row["balance_after"] or 0) > MAXIMUM for row in posted):
            raise BalanceOverflow
        fact = events.TransferPosted(
            transfer_id=transfer.id,
            kind=transfer.kind,
            reference=transfer.reference or transfer.order_id or "",
            postings=[
                events.PostedPosting(posting.account, posting.currency, SignedAmount(posting.amount))
                for posting in transfer.postings
            ],
            user_ids=list(user_ids),
        )
        self._work.events.append(transfer.id, 0, [fact])


class HoldStore:
    """Funds set aside for orders."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def find(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        return {row["id"]: _hold(row) for row in SQL.find_holds(self._work.opened, ids=list(hold_ids))}

    def lock(self, hold_ids: Sequence[str]) -> Mapping[str, Hold]:
        return {row["id"]: _hold(row) for row in SQL.lock_holds(self._work.opened, ids=list(hold_ids))}

    def place(self, holds: Sequence[Hold]) -> set[str]:
        rows = [{**_fields(hold), "expires_at": hold.expires_at} for hold in holds]
        inserted = SQL.insert_holds(self._work.opened, holds=to_json(rows).decode(), at=self._work.now())
        placed = {row["id"] for row in inserted}
        fresh = [hold for hold in holds if hold.id in placed]
        self._change_held(fresh, sign=1)
        self._work.events.append_all(
            (hold.id, 1, events.HoldPlaced(**_fact(hold), expires_at=hold.expires_at)) for hold in fresh
        )
        return placed

    def release(self, holds: Sequence[Hold], reason: Mapping[str, str]) -> None:
        self._end(holds, "released", reason)
        self._change_held(holds, sign=-1)
        self._work.events.append_all(
            (hold.id, hold.version + 1, events.HoldReleased(**_fact(hold), reason=reason[hold.id])) for hold in holds
        )

    def bury(self, orders: Mapping[str, str], reason: Mapping[str, str]) -> None:
        rows = [{"id": hold_id, "order_id": orders[hold_id], "reason": reason[hold_id]} for hold_id in orders]
        if SQL.bury_holds(self._work.opened, holds=to_json(rows).decode(), at=self._work.now()) < len(rows):
            raise Contended
        self._work.events.append_all(
            (hold_id, 1, events.HoldReleased(hold_id=hold_id, order_id=orders[hold_id], reason=reason[hold_id]))
            for hold_id in orders
        )

    def capture(self, hold: Hold, transfer_id: str) -> None:
        self._end([hold], "captured", {})
        fact = events.HoldCaptured(**_fact(hold), transfer_id=transfer_id)
        self._work.events.append(hold.id, hold.version, [fact])

    def firm(self, hold_ids: Sequence[str]) -> None:
        SQL.firm_holds(self._work.opened, ids=list(hold_ids))

    def expired(self, now: datetime, most: int) -> list[Hold]:
        return [_hold(row) for row in SQL.find_expired_holds(self._work.opened, now=now, most=most)]

    def _end(self, holds: Sequence[Hold], status: Status, reason: Mapping[str, str]) -> None:
        ends = [{"id": hold.id, "reason": reason.get(hold.id)} for hold in holds]
        if SQL.end_holds(self._work.opened, ends=to_json(ends).decode(), status=status, at=self._work.now()) < len(
            holds
        ):
            raise Contended

    def _change_held(self, holds: Sequence[Hold], sign: int) -> None:
        changes = [
            {"wallet_id": hold.wallet_id, "currency": hold.currency, "change": str(sign * hold.amount)}
            for hold in holds
        ]
        if changes:
            SQL.change_held(self._work.opened, changes=to_json(changes).decode())


class EscrowStore:
    """The money of paid orders until it is settled or refunded."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def open(self, order_id: str, currency: str, amount: int) -> None:
        SQL.open_escrow(self._work.opened, order_id=order_id, currency=currency, amount=amount, at=self._work.now())

    def amount_to_settle(self, order_id: str) -> int | None:
        row = SQL.lock_escrow(self._work.opened, order_id=order_id)
        if row is None:
            return None
        return row["amount"] if row["status"] == "captured" else 0

    def settle(self, order_id: str) -> None:
        SQL.end_escrow(self._work.opened, order_id=order_id, status="settled", at=self._work.now())


def _fields(hold: Hold) -> dict[str, Any]:
    names = ("id", "order_id", "wallet_id", "user_id", "currency")
    return {**{name: getattr(hold, name) for name in names}, "amount": str(hold.amount)}


def _fact(hold: Hold) -> dict[str, Any]:
    names = ("order_id", "wallet_id", "user_id", "currency")
    return {**{name: getattr(hold, name) for name in names}, "hold_id": hold.id, "amount": Amount(hold.amount)}


def _hold(row: Row) -> Hold:
    """A hold of its row; what a tombstone lacks is empty."""
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
