"""Supplies in PostgreSQL, cached by id in Redis."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from functions.supply.adapters.clients import GrpcWallets
from functions.supply.adapters.sql import SQL, phases_of
from functions.supply.adapters.stock import PostgresStock
from functions.supply.domain import events
from functions.supply.domain.phases import Phase
from functions.supply.domain.supply import Asset, Status, StockLevel, Supply
from functions.supply.views import SupplyView
from shared import ids
from shared.contracts.encode import to_json
from shared.errors import Contended, NotFound
from shared.money import Amount
from shared.outbox.log import Fact
from shared.postgres.database import Row
from shared.unit_of_work import UnitOfWork

JOINED_COLUMNS: Final = frozenset(StockLevel.__slots__) - {"version"} | set(Asset.__slots__) | {"stock_version"}
"""The columns of `supplies_shown` that belong to the stock and the asset, not to Supply itself."""


class CachedSupply(msgspec.Struct):
    """A supply as cached: its view, and what the view lacks to decide who may see it and to make its ETag."""

    view: SupplyView
    stock_version: int
    published: bool


class PostgresSupplies:
    """Supplies, within one transaction."""

    def __init__(self, work: UnitOfWork, stock: PostgresStock, wallets: "Callable[[], GrpcWallets]") -> None:
        """wallets: connects to the wallet service, on first use."""
        self._work = work
        self._stock = stock
        self._wallets = wallets

    def add(self, supply: Supply) -> None:
        asset = {name: getattr(supply.asset, name) for name in Asset.__slots__}
        SQL.insert_supply(
            self._work.current_transaction,
            **_terms(supply),
            **asset,
            merchant_id=supply.merchant_id,
            currency=supply.currency,
            at=supply.created_at,
        )
        SQL.insert_stock(
            self._work.current_transaction,
            supply_id=supply.id,
            cell=self._work.settings.cell,
            quantity=supply.stock.quantity,
        )
        self._work.changes([supply.id])
        fact = events.SupplyCreated(
            supply_id=supply.id,
            user_id=supply.merchant_id,
            title=supply.title,
            currency=supply.currency,
            unit_price=Amount(supply.unit_price),
            quantity=supply.stock.quantity,
            status=supply.status,
            payout_wallet_id=supply.payout_wallet_id,
            per_user_limit=supply.per_user_limit or 0,
            terms=events.SupplyTerms.of(supply, proven=True),
        )
        self._work.events.append(supply.id, 0, [fact])

    def sold_elsewhere(self, supply: Supply) -> bool:
        asset = supply.asset
        token = {"chain_id": asset.chain_id, "contract": asset.contract, "token_id": asset.token_id}
        SQL.lock_token(self._work.current_transaction, **token)
        own = {"id": supply.id, "merchant_id": supply.merchant_id}
        return bool(SQL.is_sold_elsewhere(self._work.current_transaction, **token, **own, single=asset.single))

    def proven(self, supply_id: str) -> bool:
        return bool(SQL.is_proven(self._work.current_transaction, id=supply_id))

    def mark_proven(self, supply_id: str) -> None:
        SQL.mark_proven(self._work.current_transaction, id=supply_id)

    def update(self, supply: Supply, changed: Sequence[str]) -> None:
        fact = events.SupplyUpdated(
            supply_id=supply.id,
            user_id=supply.merchant_id,
            title=supply.title,
            unit_price=Amount(supply.unit_price),
            status=supply.status,
            per_user_limit=supply.per_user_limit or 0,
            changed=list(changed),
            payout_wallet_id=supply.payout_wallet_id,
            terms=events.SupplyTerms.of(supply, proven=self.proven(supply.id)),
        )
        self._save(supply, fact)

    def archive(self, supply: Supply) -> None:
        self._save(supply, events.SupplyArchived(supply_id=supply.id, user_id=supply.merchant_id))

    def _save(self, supply: Supply, fact: Fact) -> None:
        version = SQL.update_supply(
            self._work.current_transaction, **_terms(supply), version=supply.version, at=supply.updated_at
        )
        if version is None:
            raise Contended
        self._work.changes([supply.id])
        self._work.events.append(supply.id, version - 1, [fact])

    def register_payout(self, supply_id: str, merchant: str, wallet_id: str | None) -> str:
        SQL.lock_payout(self._work.current_transaction, supply_id=supply_id)
        return self._wallets().payout_wallet(supply_id, merchant, wallet_id)

    def ended_payouts(self, payouts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        # Payouts under change are left undecided; the rest are read after they were locked, so that they stay the same.
        rows = SQL.find_settled_payouts(
            self._work.current_transaction, supply_ids=sorted({supply_id for supply_id, _ in payouts})
        )
        settled = {row["id"] for row in rows}
        decidable = [payout for payout in payouts if payout[0] in settled]
        found = SQL.find_ended_payouts(
            self._work.current_transaction,
            supply_ids=[each[0] for each in decidable],
            wallet_ids=[each[1] for each in decidable],
        )
        return [(row["supply_id"], row["wallet_id"]) for row in found]

    def unreported_payouts(self, most: int) -> list[str]:
        return [
            row["id"]
            for row in SQL.find_unreported_payouts(self._work.current_transaction, now=self._work.now(), most=most)
        ]

    def mark_payout_reported(self, supply_id: str) -> None:
        SQL.mark_payout_reported(self._work.current_transaction, id=supply_id)

    def restock(self, supply: Supply, units: int) -> None:
        SQL.restock(self._work.current_transaction, id=supply.id, cell=self._work.settings.cell, units=units)
        version = SQL.extend_stream(self._work.current_transaction, id=supply.id)
        self._work.changes([supply.id])
        fact = events.SupplyRestocked(
            supply_id=supply.id,
            user_id=supply.merchant_id,
            added=units,
            quantity=supply.stock.quantity,
            stock=supply.stock,
        )
        self._work.events.append(supply.id, version - 1, [fact])

    def replicate(self, supply: Supply, version: int, *, proven: bool) -> None:
        asset = {name: getattr(supply.asset, name) for name in Asset.__slots__}
        SQL.replicate_supply(
            self._work.current_transaction,
            **_terms(supply),
            **asset,
            merchant_id=supply.merchant_id,
            currency=supply.currency,
            asset_proven=proven,
            version=supply.version,
            created_at=supply.created_at,
            updated_at=supply.updated_at,
        )
        self.count_elsewhere(supply.id, supply.stock, version)

    def count_elsewhere(self, supply_id: str, stock: StockLevel, version: int) -> None:
        counted = {name: getattr(stock, name) for name in ("quantity", "available", "reserved", "sold")}
        SQL.count_elsewhere(
            self._work.current_transaction,
            id=supply_id,
            **counted,
            stock_version=stock.version,
            stream_version=version,
        )
        self._work.changes([supply_id])

    def end_elsewhere(self, supply_id: str, version: int) -> None:
        SQL.end_elsewhere(self._work.current_transaction, id=supply_id, stream_version=version, at=self._work.now())
        self._work.changes([supply_id])

    def show(self, supply_id: str, viewer: str | None) -> SupplyView:
        def find(work: UnitOfWork) -> CachedSupply | None:
            found = PostgresSupplies(work, PostgresStock(work), self._wallets).find([supply_id])
            return CachedSupply(SupplyView.of(found[0]), found[0].stock.version, found[0].published) if found else None

        found = self._work.stored("supply", supply_id, CachedSupply, find) if ids.valid(supply_id, "sup") else None
        if found is None or not (found.published or found.view.merchant_id == viewer):
            raise NotFound("There is no such supply.")
        return found.view.with_stock(found.stock_version)

    def get(self, supply_id: str, viewer: str | None) -> Supply:
        found = self.find([supply_id]) if ids.valid(supply_id, "sup") else []
        if not found or not found[0].visible_to(viewer):
            raise NotFound("There is no such supply.")
        return found[0]

    def owned(self, supply_id: str, merchant: str) -> Supply:
        supply = self.get(supply_id, merchant)
        if supply.merchant_id != merchant:
            raise NotFound("There is no such supply.")
        self._stock.lock([supply.id])
        return self.get(supply_id, merchant)

    def find(self, supply_ids: Sequence[str]) -> list[Supply]:
        return [_supply(row) for row in SQL.find_supplies(self._work.current_transaction, ids=list(supply_ids))]

    def browse(
        self,
        viewer: str | None,
        status: Status | None,
        currency: str | None,
        merchant_id: str | None,
        after: str | None,
        most: int,
    ) -> list[Supply]:
        rows = SQL.list_supplies(
            self._work.current_transaction,
            user_id=viewer,
            status=status,
            currency=currency,
            merchant_id=merchant_id,
            after=after,
            cell=None if self._work.eventual else self._work.settings.cell,
            most=most,
        )
        return [_supply(row) for row in rows]


def _terms(supply: Supply) -> dict[str, Any]:
    """The columns of a supply that its merchant may change."""
    names = ("id", "title", "description", "unit_price", "per_user_limit", "published", "payout_wallet_id")
    return {
        **{name: getattr(supply, name) for name in names},
        "phases": to_json([_row(phase) for phase in supply.phases]).decode(),
        "status": "active" if supply.status == "sold_out" else supply.status,
    }


def _row(phase: Phase) -> dict[str, Any]:
    return {name: getattr(phase, name) for name in Phase.__slots__}


def _supply(row: Row) -> Supply:
    stock = StockLevel(row["quantity"], row["available"], row["reserved"], row["sold"], row["stock_version"])
    asset = Asset(row["chain_id"], row["contract"], row["token_id"], row["standard"])
    own = {name: value for name, value in row.items() if name not in JOINED_COLUMNS}
    return Supply(**{**own, "phases": phases_of(row["phases"])}, stock=stock, asset=asset)
