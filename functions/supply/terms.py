"""Supplies of other cells, as the events of their homes describe them."""

from datetime import UTC, datetime
from typing import Any, cast

from functions.supply.domain.phases import Phase
from functions.supply.domain.supply import Asset, Status, StockLevel, Supply
from shared.contracts.gen.supply_events_pb2 import SupplyCreated, SupplyPhase, SupplyStock, SupplyUpdated
from shared.money import Amount


def supply_of(data: SupplyCreated | SupplyUpdated, supply_id: str) -> Supply:
    """The supply that an event with terms describes."""
    terms = data.terms
    asset: dict[str, Any] = {"contract": terms.asset.contract, "standard": terms.asset.standard}
    return Supply(
        id=supply_id,
        merchant_id=data.user_id,
        payout_wallet_id=data.payout_wallet_id,
        title=data.title,
        description=terms.description,
        currency=terms.currency,
        unit_price=Amount.parse(data.unit_price),
        per_user_limit=data.per_user_limit or None,
        phases=tuple(map(_phase, terms.phases)),
        asset=Asset(chain_id=terms.asset.chain_id, token_id=int(terms.asset.token_id), **asset),
        status=cast(Status, terms.status),
        published=terms.published,
        stock=stock_of(terms.stock),
        version=terms.version,
        created_at=terms.created_at.ToDatetime(UTC),
        updated_at=terms.updated_at.ToDatetime(UTC),
    )


def stock_of(stock: SupplyStock) -> StockLevel:
    """The units in all cells, as the home knew."""
    return StockLevel(stock.quantity, stock.available, stock.reserved, stock.sold, stock.version)


def _phase(phase: SupplyPhase) -> Phase:
    def given(name: str) -> Any:
        return getattr(phase, name) if phase.HasField(name) else None

    price, ends_at = given("unit_price"), given("ends_at")
    return Phase(
        name=phase.name,
        starts_at=phase.starts_at.ToDatetime(UTC),
        ends_at=None if ends_at is None else _time(ends_at),
        unit_price=None if price is None else Amount.parse(price),
        per_user_limit=given("per_user_limit"),
        cap=given("cap"),
        allowlist_root=given("allowlist_root"),
    )


def _time(stamp: Any) -> datetime:
    return cast(datetime, stamp.ToDatetime(UTC))
