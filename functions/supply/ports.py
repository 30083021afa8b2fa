"""What supply operations may ask for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from functions.supply.domain.reserving import Reservation, Taken
from functions.supply.domain.selling import OnSale
from functions.supply.domain.supply import Asset, Status, Supply
from functions.supply.views import SupplyView
from shared.contracts.decisions import Decision
from shared.jobs.items import Failures


class ShownSupplies(Protocol):
    """Supplies, as people may see them."""

    def show(self, supply_id: str, viewer: str) -> SupplyView:
        """A supply that a user may see. Raises NotFound for an absent or malformed id, or another's draft."""


class Supplies(Protocol):
    """What merchants sell."""

    def add(self, supply: Supply) -> None:
        """Put a new supply up, its whole quantity in this cell, and tell of it."""

    def doubled(self, supply: Supply) -> bool:
        """Whether its merchant sells the same token in another supply, and one of the two is of a single unit.

        Until the transaction ends nobody else asks this for the same token. What was archived unsold sells nothing.
        """

    def proven(self, supply_id: str) -> bool:
        """Whether its asset was proven to be its merchant's: false for one of an earlier release, which did not ask."""

    def prove(self, supply_id: str) -> None:
        """Its asset is proven to be its merchant's: it may sell."""

    def get(self, supply_id: str, viewer: str) -> Supply:
        """A supply that a user may see. Raises NotFound for an absent or malformed id, or another's draft."""

    def owned(self, supply_id: str, merchant: str) -> Supply:
        """A supply of its merchant, whose stock in this cell stays as it is until the transaction ends.

        So changes at once come one after the other. Raises NotFound, also for another's.
        """

    def update(self, supply: Supply, changed: Sequence[str]) -> None:
        """Keep a supply's next version, and tell which fields changed. Raises Contended when another was first."""

    def archive(self, supply: Supply) -> None:
        """Keep a supply's last version, and tell that it is archived. Raises Contended when another was first."""

    def payee(self, supply_id: str, merchant: str, wallet_id: str | None) -> str:
        """A merchant's wallet for a supply to pay out to: the one named, else the default. It stays open for it.

        It is noted at once, whatever becomes of this transaction; nobody decides that it is over until this ends.
        Raises NotFound, Unavailable.
        """

    def ended(self, payouts: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Those of payouts (supply id, wallet id) that are over, or never came to be. What is being changed is not."""

    def unnoted(self, most: int) -> Sequence[str]:
        """Supplies of which the wallet service was not told where they pay out."""

    def note(self, supply_id: str) -> None:
        """The wallet service was told."""

    def restock(self, supply: Supply, units: int) -> None:
        """Add units to locked stock of this cell, and tell of it. supply: with them."""

    def find(self, supply_ids: Sequence[str]) -> list[Supply]:
        """Supplies by id; unknown ones are left out."""

    def browse(
        self,
        viewer: str,
        status: Status | None,
        currency: str | None,
        merchant_id: str | None,
        after: str | None,
        most: int,
    ) -> list[Supply]:
        """Supplies that a user may see, newest first, after an id."""


class Stock(Protocol):
    """Units of supplies in this cell."""

    def lock(self, supply_ids: Sequence[str]) -> None:
        """Lock the stock of supplies against change until the transaction ends, before anything of it is read."""

    def on_sale(self, supply_ids: Sequence[str]) -> Mapping[str, OnSale]:
        """What is left of supplies in this cell, and on what terms; unknown ones are left out."""

    def taken(self, supply_ids: Sequence[str], user_ids: Sequence[str]) -> Taken:
        """Units by (supply, user, phase) that users have reserved or bought."""

    def find(self, reservation_ids: Sequence[str]) -> Mapping[str, Reservation]:
        """Reservations by id, tombstones included."""

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        """Set units of locked stock aside. Raises Contended when one was buried meanwhile."""

    def release(self, reservations: Sequence[Reservation], reason: str) -> None:
        """Put reserved units of locked stock on sale again."""

    def bury(self, reservations: Sequence[Reservation], reason: str) -> None:
        """Mark unknown reservations released. Raises Contended when one was made meanwhile."""

    def commit(self, reservations: Sequence[Reservation]) -> None:
        """Sell reserved units of locked stock."""

    def give_back(self, reservations: Sequence[Reservation]) -> None:
        """Put sold units of locked stock on sale again."""

    def firm(self, reservation_ids: Sequence[str]) -> None:
        """Let reservations outlive their time: their orders are confirmed."""

    def expired(self, now: datetime, most: int) -> list[Reservation]:
        """Reservations past their time about which their orders have to be asked, but for those that back off.

        Each buyer's first comes before anybody's second, those that wait longest first.
        """

    def postpone(self, reservation_ids: Sequence[str], now: datetime) -> None:
        """Ask about reservations whose orders cannot be decided after a while, which doubles each time."""


class Wallets(Protocol):
    """What the wallet service is asked."""

    def address(self, user_id: str, wallet_id: str | None) -> str:
        """The address of a user's wallet (the default one, if none is named) in its EIP-55 form.

        Raises NotFound, Unavailable.
        """

    def proven_address(self, user_id: str, wallet_id: str) -> tuple[str, int]:
        """The same, and the chain for which it was proven."""


class Chain(Protocol):
    """What is known of chains."""

    def address(self, text: str) -> str:
        """An address in its EIP-55 form. Raises ValueError when it is none, or its checksum is wrong."""

    def keccak(self, data: bytes) -> bytes:
        """Keccak-256."""

    def default_asset(self, supply_id: str) -> Asset:
        """The configured claim contract's token for a supply: ERC-1155, id keccak256(supply id)."""


class Assets(Protocol):
    """Whose assets are."""

    def served(self, chain_id: int) -> bool:
        """Whether there is a node of a chain here, and the claim contract on it. Raises Unavailable."""

    def of_house(self, asset: Asset) -> bool:
        """Whether it is of a contract of the house's own."""

    def controlled(self, asset: Asset, address: str, proven_on: int) -> bool:
        """Whether its contract says that an address controls it. Raises Unavailable.

        proven_on: the chain for which the address was proven.
        """

    def bind(self, asset: Asset, merchant_id: str) -> bool:
        """Bind it to a merchant for good; false when it is another's. Raises Unavailable."""


class Orders(Protocol):
    """What the order service is asked."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        """What became of orders whose reservations are past their time. Raises Unavailable."""


class ShowingWork(Protocol):
    """The work of showing a supply, in no transaction: what is shown is as new as anything its user was told of."""

    shown: ShownSupplies


class SupplyWork(Protocol):
    """The work of one operation on supplies."""

    supplies: Supplies
    stock: Stock
    wallets: Wallets
    chain: Chain
    assets: Assets

    @property
    def failures(self) -> Failures:
        """The items of jobs that failed."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""


class SweepWork(Protocol):
    """The work of a sweeper: transactions of its own, with questions to other services in between."""

    orders: Orders

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[SupplyWork]:
        """Work of its own transaction, committed at the end."""
