"""The double-entry ledger in PostgreSQL: transfers, balances, escrow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from functions.wallet.domain import events
from functions.wallet.domain.errors import AlreadyReversed, BalanceOverflow, InsufficientFunds, WalletIsClosed
from functions.wallet.domain.ledger import Account, Escrow, EscrowEnd, Posting, Seal, Transfer
from functions.wallet.views import BalancesView, BalanceView, EntryView, HoldView
from shared import ids
from shared.contracts.encode import to_json
from shared.errors import NotFound
from shared.money import Amount, SignedAmount
from shared.postgres.errors import Refused, UniqueViolation
from shared.postgres.queries import queries
from shared.telemetry.context import context_of
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "ledger.sql")
REFUSALS: Final = {error.code: error for error in (InsufficientFunds, BalanceOverflow, WalletIsClosed)}

MAX_POSITION: Final = 2**63 - 1
"""Positions are of PostgreSQL's type bigint; an id that was made up may contain a larger number."""


class PostgresLedger:
    """Transfers, entries and balances."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def lock(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], Account]:
        rows = SQL.lock_accounts(self._work.current_transaction, wallet_ids=list(wallet_ids))
        return {(row["wallet_id"], row["currency"]): Account(**row) for row in rows}

    def post(self, transfer: Transfer, owners: Mapping[str, str]) -> None:
        self.post_linked([(transfer, owners)])

    def post_linked(self, transfers: Sequence[tuple[Transfer, Mapping[str, str]]]) -> None:
        legs = [(place, leg) for place, (transfer, _) in enumerate(transfers, 1) for leg in transfer.postings]
        # In the order in which accounts are locked; the legs of one account keep the order of their transfers.
        legs.sort(key=lambda leg: (leg[1].account, leg[1].currency))
        moved = [transfer for transfer, _ in transfers]
        facts = self._work.events.rows(
            ((transfer.id, 1, _posted(transfer, owners)) for transfer, owners in transfers),
            traces={transfer.id: context_of(transfer.order_id) for transfer in moved if transfer.order_id},
        )
        try:
            SQL.post_transfers(
                self._work.current_transaction,
                transfer_ids=[transfer.id for transfer in moved],
                kinds=[transfer.kind for transfer in moved],
                references=[transfer.reference for transfer in moved],
                order_ids=[transfer.order_id for transfer in moved],
                at=self._work.now(),
                place_of=[place for place, _ in legs],
                accounts=[posting.account for _, posting in legs],
                currencies=[posting.currency for _, posting in legs],
                amounts=[posting.amount for _, posting in legs],
                unholds=[posting.unhold for _, posting in legs],
                event_ids=[fact["id"] for fact in facts],
                facts=[to_json(fact["data"]).decode() for fact in facts],
                metadata=[to_json(fact["metadata"]).decode() for fact in facts],
            )
        except Refused as refusal:
            raise REFUSALS[refusal.code] from refusal
        except UniqueViolation as taken:
            if taken.constraint == "transfers_reversed_once":
                raise AlreadyReversed from taken
            raise

    def seal(self) -> Seal | None:
        row = SQL.seal_entries(self._work.current_transaction, at=self._work.now())
        return Seal(**row) if row else None

    def roll_up(self, most: int) -> int:
        return int(SQL.roll_up(self._work.current_transaction, most=most))

    def find(self, transfer_id: str) -> Transfer:
        rows = (
            SQL.find_transfer(self._work.current_transaction, id=transfer_id) if ids.valid(transfer_id, "trf") else []
        )
        if not rows:
            raise NotFound("There is no such transfer.")
        first = rows[0]
        return Transfer(
            id=first["id"],
            kind=first["kind"],
            postings=tuple(Posting(row["account"], row["currency"], row["amount"]) for row in rows),
            created_at=first["created_at"],
            reference=first["reference"],
            order_id=first["order_id"],
        )

    def available(self, wallet_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
        rows = SQL.list_available(self._work.current_transaction, wallet_ids=list(wallet_ids))
        return {(row["wallet_id"], row["currency"]): row["available"] for row in rows}

    def balances(self, wallet_id: str, at: datetime | None) -> BalancesView:
        if at is None:
            rows = SQL.list_balances(self._work.current_transaction, wallet_id=wallet_id)
        else:
            rows = SQL.list_balances_at(self._work.current_transaction, wallet_id=wallet_id, at=at)
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
                    order_id=row["order_id"] or None,
                    currency=row["currency"],
                    amount=Amount(row["hold_amount"]),
                )
                for row in rows
                if row["hold_id"]
            ],
        )

    def entries(self, wallet_id: str, after: str | None, most: int) -> Sequence[EntryView]:
        before = min(ids.count(after), MAX_POSITION) if after else None
        rows = SQL.list_entries(self._work.current_transaction, wallet_id=wallet_id, after=before, most=most)
        cell = self._work.settings.cell
        return [
            EntryView(
                id=ids.counted("ent", cell, row["created_at"], row.pop("position")),
                **{**row, "amount": SignedAmount(row["amount"]), "balance_after": Amount(row["balance_after"])},
            )
            for row in rows
        ]


class PostgresEscrows:
    """The escrows of paid orders, until they are settled or refunded."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def open(self, escrows: Sequence[tuple[str, str, int]]) -> None:
        order_ids, currencies, amounts = (list(column) for column in zip(*escrows, strict=True))
        SQL.open_escrows(
            self._work.current_transaction.later,
            order_ids=order_ids,
            currencies=currencies,
            amounts=amounts,
            at=self._work.now(),
        )

    def lock(self, order_id: str) -> Escrow | None:
        row = SQL.lock_escrow(self._work.current_transaction, order_id=order_id)
        return Escrow(**row) if row else None

    def end(self, order_id: str, status: EscrowEnd) -> None:
        SQL.end_escrow(self._work.current_transaction.later, order_id=order_id, status=status, at=self._work.now())

    def may_still_pay(self, wallet_id: str) -> bool:
        return bool(SQL.may_still_pay(self._work.current_transaction, wallet_id=wallet_id))


def _posted(transfer: Transfer, owners: Mapping[str, str]) -> events.TransferPosted:
    return events.TransferPosted(
        transfer_id=transfer.id,
        kind=transfer.kind,
        reference=transfer.reference or transfer.order_id or "",
        postings=[
            events.PostedPosting(
                p.account, p.currency, SignedAmount(p.amount), owners.get(p.account, ""), p.in_place_of, p.counterpart
            )
            for p in transfer.postings
        ],
        user_ids=sorted(set(owners.values())),
    )
