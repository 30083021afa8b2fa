"""A supply: what is sold, by whom, on which terms, and what a claim hands out for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, Self

from functions.supply.domain.errors import IllegalStatus, QuantityTooLarge, SupplyArchived, SupplyInUse
from functions.supply.domain.phases import Phase

Status = Literal["draft", "active", "paused", "archived", "sold_out"]

WAYS: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"draft", "active"}),
    "active": frozenset({"active", "paused"}),
    "paused": frozenset({"active", "paused"}),
}
"""What a status may become at its merchant's word; what is sold out is active."""

UNITS_AT_MOST: Final = 10**9


@dataclass(frozen=True, slots=True)
class Asset:
    """What a claim hands out on a chain. `contract` is in its EIP-55 form, `token_id` a uint256."""

    chain_id: int
    contract: str
    token_id: int
    standard: Literal["ERC-721", "ERC-1155"]

    @property
    def single(self) -> bool:
        """Whether there is one unit of it, ever."""
        return self.standard == "ERC-721"


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
    """A supply with its stock. `unit_price` is in atomic units; `per_user_limit` None means no limit.

    phases: by their time. Without any it sells whenever it is active; with phases, while one of them is open.
    published: whether it was ever active: until then, archived or not, it is its merchant's own.
    """

    id: str
    merchant_id: str
    payout_wallet_id: str
    title: str
    description: str
    currency: str
    unit_price: int
    per_user_limit: int | None
    phases: tuple[Phase, ...]
    asset: Asset
    status: Status
    published: bool
    stock: Stock
    version: int
    created_at: datetime
    updated_at: datetime

    def visible_to(self, user_id: str) -> bool:
        """Whether a user may see it."""
        return self.published or self.merchant_id == user_id

    def open(self) -> Self:
        """Itself, where it can be changed yet. Raises SupplyArchived."""
        if self.status == "archived":
            raise SupplyArchived
        return self

    def changed(self, changes: Mapping[str, Any], at: datetime) -> Self:
        """It after changes by its merchant, in its next version; itself where they change nothing.

        changes: new values by the names of title, description, unit_price, per_user_limit, phases, status and
            payout_wallet_id. Raises SupplyArchived, IllegalStatus.
        """
        now = "active" if self.status == "sold_out" else self.open().status
        wanted = changes.get("status", now)
        if wanted not in WAYS[now]:
            raise IllegalStatus(f"A supply that is {now} cannot become {wanted}.")
        real = {name: value for name, value in changes.items() if name != "status" and getattr(self, name) != value}
        if wanted != now:
            real |= {"status": wanted, "published": True}
        return replace(self, **real, version=self.version + 1, updated_at=at) if real else self

    def archived(self, at: datetime) -> Self:
        """It, no longer for sale; itself where it is so already. Raises SupplyInUse."""
        if self.status == "archived":
            return self
        if self.stock.reserved:
            raise SupplyInUse
        return replace(self, status="archived", version=self.version + 1, updated_at=at)

    def restocked(self, units: int) -> Self:
        """It with more units to sell. Raises SupplyArchived, QuantityTooLarge."""
        stock = self.open().stock
        if self.asset.single:
            raise QuantityTooLarge("There is one unit of an ERC-721 token.")
        if stock.quantity + units > UNITS_AT_MOST:
            raise QuantityTooLarge
        more = replace(
            stock,
            quantity=stock.quantity + units,
            available=stock.available + units,
            version=stock.version + 1,
        )
        return replace(self, status="active" if self.status == "sold_out" else self.status, stock=more)

    def differs_from(self, before: Self) -> list[str]:
        """The names of what its merchant changed since."""
        names = ("title", "description", "unit_price", "per_user_limit", "phases", "status", "payout_wallet_id")
        return [name for name in names if getattr(self, name) != getattr(before, name)]
