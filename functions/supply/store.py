"""Supplies and stock in PostgreSQL: the implementation of the ports, rows to domain and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from functions.supply.clients import OrderClient, WalletClient
from functions.supply.domain import events
from functions.supply.domain.reserving import OnSale, Reservation
from functions.supply.domain.supply import Asset, Status, Stock, Supply
from shared import ids
from shared.adapters.ethereum import canonical_address, keccak
from shared.adapters.postgres import Row, queries
from shared.contracts.encode import to_json
from shared.errors import Contended, NotFound
from shared.money import Amount
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")


class Work(UnitOfWork):
    """The work of one operation on supplies."""

    @cached_property
    def supplies(self) -> "SupplyStore":
        """What merchants sell."""
        return SupplyStore(self)

    @cached_property
    def stock(self) -> "StockStore":
        """Units of supplies in this cell."""
        return StockStore(self)

    @cached_property
    def chain(self) -> "Chain":
        """What is known of chains."""
        return Chain(self)

    @cached_property
    def wallets(self) -> WalletClient:
        """The wallet service."""
        return WalletClient(self.resources.channel("wallet", "supply"))

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "supply"))


class Chain:
    """What is known of chains."""

    def __init__(self, work: Work) -> None:
        self._settings = work.settings

    def address(self, text: str) -> str:
        return canonical_address(text)

    def default_asset(self, supply_id: str) -> Asset:
        return Asset(
            chain_id=self._settings.claim_chain_id,
            contract=self._settings.claim_contract,
            token_id=int.from_bytes(keccak(supply_id.encode())),
            standard="ERC-1155",
        )


class SupplyStore:
    """What merchants sell."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def add(self, supply: Supply) -> None:
        names = ("id", "merchant_id", "payout_wallet_id", "title", "description", "currency", "unit_price")
        asset = {name: getattr(supply.asset, name) for name in ("chain_id", "contract", "token_id", "standard")}
        SQL.insert_supply(
            self._work.opened,
            **{name: getattr(supply, name) for name in names},
            **asset,
            per_user_limit=supply.per_user_limit,
            status=supply.status,
            at=supply.created_at,
        )
        SQL.insert_stock(
            self._work.opened, supply_id=supply.id, cell=self._work.settings.cell, quantity=supply.stock.quantity
        )
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

    def get(self, supply_id: str, viewer: str) -> Supply:
        found = self.find([supply_id]) if ids.valid(supply_id, "sup") else []
        if not found or not found[0].visible_to(viewer):
            raise NotFound("There is no such supply.")
        return found[0]

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


class StockStore:
    """Units of supplies in this cell."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._cell = work.settings.cell

    def lock(self, supply_ids: Sequence[str]) -> Mapping[str, OnSale]:
        rows = SQL.lock_stock(self._work.opened, supply_ids=list(supply_ids), cell=self._cell)
        return {row["supply_id"]: OnSale(**row) for row in rows}

    def taken(self, supply_ids: Sequence[str], user_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
        rows = SQL.count_taken(self._work.opened, supply_ids=list(supply_ids), user_ids=list(user_ids))
        return {(row["supply_id"], row["user_id"]): row["taken"] for row in rows}

    def find(self, reservation_ids: Sequence[str]) -> Mapping[str, Reservation]:
        rows = SQL.find_reservations(self._work.opened, ids=list(reservation_ids))
        return {row["id"]: Reservation(**row) for row in rows}

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        if not reservations:
            return
        rows = [{**_named(r), "quantity": r.quantity, "expires_at": r.expires_at} for r in reservations]
        inserted = SQL.insert_reservations(
            self._work.opened, reservations=to_json(rows).decode(), cell=self._cell, at=self._work.now()
        )
        if inserted < len(rows):
            raise Contended
        self._move(reservations, available=-1, reserved=1)
        self._work.events.append_all(
            (r.id, 1, events.SupplyReserved(**_fact(r), expires_at=r.expires_at)) for r in reservations
        )

    def release(self, reservations: Sequence[Reservation], reason: str) -> None:
        if not reservations:
            return
        self._end(reservations, "released", reason)
        self._move(reservations, available=1, reserved=-1)
        self._work.events.append_all(
            (r.id, r.version + 1, events.SupplyReleased(**_fact(r), reason=reason)) for r in reservations
        )

    def bury(self, reservations: Sequence[Reservation], reason: str) -> None:
        if not reservations:
            return
        rows = [{**_named(r), "reason": reason} for r in reservations]
        buried = SQL.bury_reservations(
            self._work.opened, reservations=to_json(rows).decode(), cell=self._cell, at=self._work.now()
        )
        if buried < len(rows):
            raise Contended
        self._work.events.append_all(
            (r.id, 1, events.SupplyReleased(**{**_fact(r), "quantity": 0}, reason=reason)) for r in reservations
        )

    def commit(self, reservations: Sequence[Reservation]) -> None:
        if not reservations:
            return
        self._end(reservations, "committed", None)
        self._move(reservations, reserved=-1, sold=1)
        self._work.events.append_all((r.id, r.version + 1, events.SupplyCommitted(**_fact(r))) for r in reservations)
        gone = SQL.find_sold_out(self._work.opened, ids=sorted({r.supply_id for r in reservations}))
        self._work.events.append_all(
            (row["id"], row["stream_version"], events.SupplySoldOut(row["id"], row["merchant_id"], row["quantity"]))
            for row in gone
        )

    def firm(self, reservation_ids: Sequence[str]) -> None:
        SQL.firm_reservations(self._work.opened, ids=list(reservation_ids))

    def expired(self, now: datetime, most: int) -> list[Reservation]:
        rows = SQL.find_expired_reservations(self._work.opened, now=now, most=most)
        return [Reservation(**row) for row in rows]

    def _end(self, reservations: Sequence[Reservation], status: str, reason: str | None) -> None:
        ended = SQL.end_reservations(
            self._work.opened, ids=[r.id for r in reservations], status=status, reason=reason, at=self._work.now()
        )
        if ended < len(reservations):
            raise Contended

    def _move(self, reservations: Sequence[Reservation], available: int = 0, reserved: int = 0, sold: int = 0) -> None:
        moves = [
            {
                "supply_id": r.supply_id,
                "available": available * r.quantity,
                "reserved": reserved * r.quantity,
                "sold": sold * r.quantity,
            }
            for r in reservations
        ]
        SQL.move_stock(self._work.opened, moves=to_json(moves).decode(), cell=self._cell)


def _named(reservation: Reservation) -> dict[str, Any]:
    return {name: getattr(reservation, name) for name in ("id", "order_id", "supply_id", "user_id")}


def _fact(reservation: Reservation) -> dict[str, Any]:
    names = ("supply_id", "order_id", "user_id", "quantity")
    return {**{name: getattr(reservation, name) for name in names}, "reservation_id": reservation.id}


def _supply(row: Row) -> Supply:
    stock = Stock(row["quantity"], row["available"], row["reserved"], row["sold"], row["stock_version"])
    asset = Asset(row["chain_id"], row["contract"], row["token_id"], row["standard"])
    apart = {
        "quantity",
        "available",
        "reserved",
        "sold",
        "stock_version",
        "chain_id",
        "contract",
        "token_id",
        "standard",
    }
    return Supply(**{name: value for name, value in row.items() if name not in apart}, stock=stock, asset=asset)
