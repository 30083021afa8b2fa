"""What callers see of supplies."""

from typing import Annotated, Literal

import msgspec

from functions.supply.domain.supply import Asset, Status, Supply
from shared.contracts.operations import Address, Time, View
from shared.money import Amount


class AssetView(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a claim hands out on a chain; `token_id` is a uint256 as a decimal string."""

    chain_id: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    contract: Address
    token_id: Amount
    standard: Literal["ERC-721", "ERC-1155"] = "ERC-1155"

    @classmethod
    def of(cls, asset: Asset) -> "AssetView":
        """What a caller sees of an asset."""
        return cls(
            chain_id=asset.chain_id, contract=asset.contract, token_id=Amount(asset.token_id), standard=asset.standard
        )


class SupplyView(View):
    """A supply with its stock."""

    id: str
    merchant_id: str
    payout_wallet_id: str
    title: str
    description: str
    currency: str
    unit_price: Amount
    quantity: int
    available: int
    reserved: int
    sold: int
    per_user_limit: int | None
    phases: list[str]
    asset: AssetView
    status: Status
    version: int
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, supply: Supply) -> "SupplyView":
        """What a caller sees of a supply."""
        return cls(
            id=supply.id,
            merchant_id=supply.merchant_id,
            payout_wallet_id=supply.payout_wallet_id,
            title=supply.title,
            description=supply.description,
            currency=supply.currency,
            unit_price=Amount(supply.unit_price),
            quantity=supply.stock.quantity,
            available=supply.stock.available,
            reserved=supply.stock.reserved,
            sold=supply.stock.sold,
            per_user_limit=supply.per_user_limit,
            phases=[],
            asset=AssetView.of(supply.asset),
            status=supply.status,
            version=supply.version,
            created_at=supply.created_at,
            updated_at=supply.updated_at,
        )
