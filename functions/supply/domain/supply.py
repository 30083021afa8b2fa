"""A supply: what is sold, by whom, at which price, and what a claim hands out for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["draft", "active", "paused", "archived", "sold_out"]


@dataclass(frozen=True, slots=True)
class Asset:
    """What a claim hands out on a chain. `contract` is in its EIP-55 form, `token_id` a uint256."""

    chain_id: int
    contract: str
    token_id: int
    standard: Literal["ERC-721", "ERC-1155"]


@dataclass(frozen=True, slots=True)
class Stock:
    """How much there is of a supply, in one cell or in all: quantity = available + reserved + sold."""

    quantity: int
    available: int
    reserved: int
    sold: int
    version: int


@dataclass(frozen=True, slots=True)
class Supply:
    """A supply with its stock. `unit_price` is in atomic units; `per_user_limit` None means no limit."""

    id: str
    merchant_id: str
    payout_wallet_id: str
    title: str
    description: str
    currency: str
    unit_price: int
    per_user_limit: int | None
    asset: Asset
    status: Status
    stock: Stock
    version: int
    created_at: datetime
    updated_at: datetime

    def visible_to(self, user_id: str) -> bool:
        """Whether a user may see it: a draft is its merchant's own."""
        return self.status != "draft" or self.merchant_id == user_id
