"""A supply: what is sold, by whom, on which terms, and the asset that a claim delivers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, Self

from functions.supply.domain.errors import IllegalStatus, QuantityTooLarge, SupplyAlreadyArchived, SupplyInUse
from functions.supply.domain.phases import Phase

Status = Literal["draft", "active", "paused", "archived", "sold_out"]

TRANSITIONS: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"draft", "active"}),
    "active": frozenset({"active", "paused"}),
    "paused": frozenset({"active", "paused"}),
}
"""The statuses that a merchant may change each status to; a sold-out supply counts as active."""

MAX_UNITS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Asset:
    """The token that a claim delivers. `contract` is in EIP-55 form, `token_id` a uint256."""

    chain_id: int
    contract: str
    token_id: int
    standard: Literal["ERC-721", "ERC-1155"]

    @property
    def single(self) -> bool:
        """Whether there is only ever one unit of it."""
        return self.standard == "ERC-721"


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The units of a supply, in one cell or in all: quantity = available + reserved + sold."""

    quantity: int
    available: int
    reserved: int
    sold: int
    version: int


@dataclass(frozen=True, slots=True)
class Supply:
    """A supply with its stock. `unit_price` is in atomic units; `per_user_limit` None means no limit.

    phases: sorted by time. Without phases it sells whenever it is active; with phases, only while one is open.
    published: whether it was ever active; until then only its merchant sees it, even archived.
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
    stock: StockLevel
    version: int
    created_at: datetime
    updated_at: datetime

    def visible_to(self, user_id: str | None) -> bool:
        """Whether a user may see it; None for somebody who is not signed in."""
        return self.published or self.merchant_id == user_id

    def open(self) -> Self:
        """Itself, if it can still be changed. Raises SupplyAlreadyArchived."""
        if self.status == "archived":
            raise SupplyAlreadyArchived
        return self

    def changed(self, changes: Mapping[str, Any], at: datetime) -> Self:
        """The next version after changes by its merchant; itself if they change nothing.

        changes: new values by the names of title, description, unit_price, per_user_limit, phases, status and
            payout_wallet_id. Raises SupplyAlreadyArchived, IllegalStatus.
        """
        now = "active" if self.status == "sold_out" else self.open().status
        status = changes.get("status", now)
        if status not in TRANSITIONS[now]:
            raise IllegalStatus(f"A supply that is {now} cannot become {status}.")
        real = {name: value for name, value in changes.items() if name != "status" and getattr(self, name) != value}
        if status != now:
            real |= {"status": status, "published": True}
        return replace(self, **real, version=self.version + 1, updated_at=at) if real else self

    def archived(self, at: datetime) -> Self:
        """The archived supply; itself if it is archived already. Raises SupplyInUse."""
        if self.status == "archived":
            return self
        if self.stock.reserved:
            raise SupplyInUse
        return replace(self, status="archived", version=self.version + 1, updated_at=at)

    def restocked(self, units: int) -> Self:
        """The supply with more units to sell. Raises SupplyAlreadyArchived, QuantityTooLarge."""
        stock = self.open().stock
        if self.asset.single:
            raise QuantityTooLarge("There is one unit of an ERC-721 token.")
        if stock.quantity + units > MAX_UNITS:
            raise QuantityTooLarge
        more = replace(
            stock,
            quantity=stock.quantity + units,
            available=stock.available + units,
            version=stock.version + 1,
        )
        return replace(self, status="active" if self.status == "sold_out" else self.status, stock=more)

    def differs_from(self, before: Self) -> list[str]:
        """The names of the fields that its merchant changed since."""
        names = ("title", "description", "unit_price", "per_user_limit", "phases", "status", "payout_wallet_id")
        return [name for name in names if getattr(self, name) != getattr(before, name)]
