"""What merchants sell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.supply.domain import events
from functions.supply.domain.phases import Phase
from functions.supply.domain.supply import Asset, Status, Stock, Supply
from functions.supply.store.sql import SQL, phases_of
from functions.supply.store.stock import StockStore
from functions.supply.views import SupplyView
from shared import ids
from shared.adapters.postgres import Row
from shared.contracts.encode import to_json
from shared.errors import Contended, NotFound
from shared.money import Amount
from shared.outbox.log import Fact

if TYPE_CHECKING:
    from functions.supply.store import Work

APART: Final = frozenset(Stock.__slots__) - {"version"} | set(Asset.__slots__) | {"stock_version"}
"""The columns that are not a supply's own, but its stock's and its asset's."""


class Kept(msgspec.Struct):
    """A supply for whoever may see it, which its view does not tell, as it does not tell all of its ETag."""

    view: SupplyView
    stock_version: int
    published: bool


class SupplyStore:
    """What merchants sell."""

    def __init__(self, work: "Work", stock: StockStore) -> None:
        self._work = work
        self._stock = stock

    def add(self, supply: Supply) -> None:
        asset = {name: getattr(supply.asset, name) for name in Asset.__slots__}
        SQL.insert_supply(
            self._work.opened,
            **_terms(supply),
            **asset,
            merchant_id=supply.merchant_id,
            currency=supply.currency,
            at=supply.created_at,
        )
        SQL.insert_stock(
            self._work.opened, supply_id=supply.id, cell=self._work.settings.cell, quantity=supply.stock.quantity
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
        )
        self._work.events.append(supply.id, 0, [fact])

    def doubled(self, supply: Supply) -> bool:
        asset = supply.asset
        token = {"chain_id": asset.chain_id, "contract": asset.contract, "token_id": asset.token_id}
        SQL.lock_token(self._work.opened, **token)
        own = {"id": supply.id, "merchant_id": supply.merchant_id}
        return bool(SQL.is_doubled(self._work.opened, **token, **own, single=asset.single))

    def proven(self, supply_id: str) -> bool:
        return bool(SQL.is_proven(self._work.opened, id=supply_id))

    def prove(self, supply_id: str) -> None:
        SQL.prove(self._work.opened, id=supply_id)

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
        )
        self._save(supply, fact)

    def archive(self, supply: Supply) -> None:
        self._save(supply, events.SupplyArchived(supply_id=supply.id, user_id=supply.merchant_id))

    def _save(self, supply: Supply, fact: Fact) -> None:
        version = SQL.update_supply(self._work.opened, **_terms(supply), version=supply.version, at=supply.updated_at)
        if version is None:
            raise Contended
        self._work.changes([supply.id])
        self._work.events.append(supply.id, version - 1, [fact])

    def payee(self, supply_id: str, merchant: str, wallet_id: str | None) -> str:
        SQL.lock_payout(self._work.opened, supply_id=supply_id)
        return self._work.wallets.payout_wallet(supply_id, merchant, wallet_id)

    def ended(self, payouts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        # What is being changed is not decided; the rest is read after it was locked, so that it stays so.
        rows = SQL.find_settled_payouts(self._work.opened, supply_ids=sorted({supply_id for supply_id, _ in payouts}))
        settled = {row["id"] for row in rows}
        asked = [payout for payout in payouts if payout[0] in settled]
        found = SQL.find_ended_payouts(
            self._work.opened, supply_ids=[each[0] for each in asked], wallet_ids=[each[1] for each in asked]
        )
        return [(row["supply_id"], row["wallet_id"]) for row in found]

    def unnoted(self, most: int) -> list[str]:
        return [row["id"] for row in SQL.find_unnoted(self._work.opened, now=self._work.now(), most=most)]

    def note(self, supply_id: str) -> None:
        SQL.note_payout(self._work.opened, id=supply_id)

    def restock(self, supply: Supply, units: int) -> None:
        SQL.restock(self._work.opened, id=supply.id, cell=self._work.settings.cell, units=units)
        version = SQL.extend_stream(self._work.opened, id=supply.id)
        self._work.changes([supply.id])
        fact = events.SupplyRestocked(
            supply_id=supply.id, user_id=supply.merchant_id, added=units, quantity=supply.stock.quantity
        )
        self._work.events.append(supply.id, version - 1, [fact])

    def show(self, supply_id: str, viewer: str) -> SupplyView:
        def find(work: "Work") -> Kept | None:
            found = work.supplies.find([supply_id])
            return Kept(SupplyView.of(found[0]), found[0].stock.version, found[0].published) if found else None

        kept = self._work.stored("supply", supply_id, Kept, find) if ids.valid(supply_id, "sup") else None
        if kept is None or not (kept.published or kept.view.merchant_id == viewer):
            raise NotFound("There is no such supply.")
        return kept.view.with_stock(kept.stock_version)

    def get(self, supply_id: str, viewer: str) -> Supply:
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
        return [_supply(row) for row in SQL.find_supplies(self._work.opened, ids=list(supply_ids))]

    def browse(
        self,
        viewer: str,
        status: Status | None,
        currency: str | None,
        merchant_id: str | None,
        after: str | None,
        most: int,
    ) -> list[Supply]:
        rows = SQL.list_supplies(
            self._work.opened,
            user_id=viewer,
            status=status,
            currency=currency,
            merchant_id=merchant_id,
            after=after,
            most=most,
        )
        return [_supply(row) for row in rows]


def _terms(supply: Supply) -> dict[str, Any]:
    """What a merchant may change of a supply, as it is stored."""
    names = ("id", "title", "description", "unit_price", "per_user_limit", "published", "payout_wallet_id")
    return {
        **{name: getattr(supply, name) for name in names},
        "phases": to_json([_row(phase) for phase in supply.phases]).decode(),
        "status": "active" if supply.status == "sold_out" else supply.status,
    }


def _row(phase: Phase) -> dict[str, Any]:
    return {name: getattr(phase, name) for name in Phase.__slots__}


def _supply(row: Row) -> Supply:
    stock = Stock(row["quantity"], row["available"], row["reserved"], row["sold"], row["stock_version"])
    asset = Asset(row["chain_id"], row["contract"], row["token_id"], row["standard"])
    own = {name: value for name, value in row.items() if name not in APART}
    return Supply(**{**own, "phases": phases_of(row["phases"])}, stock=stock, asset=asset)
