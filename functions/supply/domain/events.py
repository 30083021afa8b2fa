"""The events of the supply service; shared/contracts/supply_events.proto is their contract."""

from datetime import datetime
from typing import ClassVar, Self

import msgspec

from functions.supply.domain.phases import Phase
from functions.supply.domain.supply import StockLevel, Supply
from shared.money import Amount


class SupplyAsset(msgspec.Struct, frozen=True):
    """The token that a claim delivers."""

    chain_id: int
    contract: str
    token_id: Amount
    standard: str


class SupplyTerms(msgspec.Struct, frozen=True):
    """A supply as it is after an event, for other cells: what the event does not say itself."""

    description: str
    currency: str
    phases: list[Phase]
    asset: SupplyAsset
    status: str
    published: bool
    version: int
    created_at: datetime
    updated_at: datetime
    stock: StockLevel
    asset_proven: bool

    @classmethod
    def of(cls, supply: Supply, *, proven: bool) -> Self:
        """The terms of a supply; sold out is no status of its own, but follows from its stock.

        proven: whether its asset is proven to be its merchant's.
        """
        asset = supply.asset
        return cls(
            description=supply.description,
            currency=supply.currency,
            phases=list(supply.phases),
            asset=SupplyAsset(asset.chain_id, asset.contract, Amount(asset.token_id), asset.standard),
            status="active" if supply.status == "sold_out" else supply.status,
            published=supply.published,
            version=supply.version,
            created_at=supply.created_at,
            updated_at=supply.updated_at,
            stock=supply.stock,
            asset_proven=proven,
        )


class SupplyCreated(msgspec.Struct, frozen=True):
    """A merchant created a supply."""

    type: ClassVar[str] = "supply.created"
    supply_id: str
    user_id: str
    title: str
    currency: str
    unit_price: Amount
    quantity: int
    status: str
    payout_wallet_id: str
    per_user_limit: int
    terms: SupplyTerms


class SupplySoldOut(msgspec.Struct, frozen=True):
    """The last unit was sold."""

    type: ClassVar[str] = "supply.sold_out"
    supply_id: str
    user_id: str
    quantity: int


class SupplyReserved(msgspec.Struct, frozen=True):
    """Units are reserved for an order's line."""

    type: ClassVar[str] = "supply.reserved"
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    expires_at: datetime


class SupplyCommitted(msgspec.Struct, frozen=True):
    """Reserved units are sold: the order is paid."""

    type: ClassVar[str] = "supply.committed"
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int


class SupplyReleased(msgspec.Struct, frozen=True):
    """Reserved units are back on sale; quantity 0 for a tombstone, a reservation that was never made."""

    type: ClassVar[str] = "supply.released"
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int
    reason: str


class SupplyUpdated(msgspec.Struct, frozen=True):
    """Its merchant changed its terms; `changed` names the fields, `per_user_limit` is 0 for none."""

    type: ClassVar[str] = "supply.updated"
    supply_id: str
    user_id: str
    title: str
    unit_price: Amount
    status: str
    per_user_limit: int
    changed: list[str]
    payout_wallet_id: str
    terms: SupplyTerms


class SupplyRestocked(msgspec.Struct, frozen=True):
    """Units were added; `quantity` is the new total."""

    type: ClassVar[str] = "supply.restocked"
    supply_id: str
    user_id: str
    added: int
    quantity: int
    stock: StockLevel


class SupplyArchived(msgspec.Struct, frozen=True):
    """A supply is off sale for good."""

    type: ClassVar[str] = "supply.archived"
    supply_id: str
    user_id: str


class SupplyReturned(msgspec.Struct, frozen=True):
    """Sold units are back on sale: their order was refunded."""

    type: ClassVar[str] = "supply.returned"
    reservation_id: str
    supply_id: str
    order_id: str
    user_id: str
    quantity: int


class PhaseRights(msgspec.Struct, frozen=True):
    """Rights to sell units in a phase that has a cap."""

    phase: str
    units: int


class SupplyQuotaMoved(msgspec.Struct, frozen=True):
    """Units of a supply, and rights in its phases, have left one cell for another."""

    type: ClassVar[str] = "supply.quota.moved"
    supply_id: str
    giver: str
    receiver: str
    units: int
    rights: list[PhaseRights]


class SupplyCounted(msgspec.Struct, frozen=True):
    """What a cell has reserved and sold of another cell's supply, as of the `changes`-th change of its stock."""

    type: ClassVar[str] = "supply.counted"
    supply_id: str
    cell: str
    reserved: int
    sold: int
    changes: int
