"""The ports of supply operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from functions.supply.domain.entitlement import SaleSnapshot
    from functions.supply.domain.quota import GrantStream, GrantSum
    from functions.supply.domain.reservation import Reservation, TakenUnits
    from functions.supply.domain.supply import Asset, Status, StockLevel, Supply
    from functions.supply.views import SupplyView
    from shared.contracts.decisions import Decision
    from shared.contracts.events import Event
    from shared.contracts.gen.supply_events_pb2 import SupplyCounted, SupplyQuotaMoved
    from shared.jobs.items import FailureStore


class ShownSupplies(Protocol):
    """Supplies, as callers may see them."""

    def show(self, supply_id: str, viewer: str | None) -> SupplyView:
        """A supply that a user, or with None anybody, may see. Raises NotFound, also for another merchant's draft."""


class Supplies(Protocol):
    """Supplies, within one transaction."""

    def add(self, supply: Supply) -> None:
        """Add a new supply, with its whole quantity in this cell, and its event."""

    def sold_elsewhere(self, supply: Supply) -> bool:
        """Whether its merchant sells the same token in another supply, and one of the two has a single unit.

        Locks the token until the transaction ends. A supply archived unsold does not count.
        """

    def proven(self, supply_id: str) -> bool:
        """Whether its asset was proven to be its merchant's; false for a supply of a release that did not check."""

    def mark_proven(self, supply_id: str) -> None:
        """Record that its asset is proven to be its merchant's, so that it may sell."""

    def get(self, supply_id: str, viewer: str | None) -> Supply:
        """A supply that a user, or with None anybody, may see. Raises NotFound, also for another merchant's draft."""

    def owned(self, supply_id: str, merchant: str) -> Supply:
        """A merchant's own supply, its stock in this cell locked until the transaction ends.

        The lock serializes concurrent changes. Raises NotFound, also for another merchant's supply.
        """

    def update(self, supply: Supply, changed: Sequence[str]) -> None:
        """Save a supply's next version, with its event. Raises Contended if another was first."""

    def archive(self, supply: Supply) -> None:
        """Save a supply's last version, with its archived event. Raises Contended if another was first."""

    def register_payout(self, supply_id: str, merchant: str, wallet_id: str | None) -> str:
        """The wallet that a supply pays out to, the given one or the default, registered so that it stays open.

        The wallet service records it at once, even if this transaction rolls back; until this transaction ends, nobody
        decides that the payout has ended. Raises NotFound, Unavailable.
        """

    def ended_payouts(self, payouts: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """The payouts (supply id, wallet id) that have ended or never existed; not those being changed right now."""

    def unreported_payouts(self, most: int) -> Sequence[str]:
        """Supplies whose payout wallet was not reported to the wallet service."""

    def mark_payout_reported(self, supply_id: str) -> None:
        """Record that a supply's payout wallet was reported to the wallet service."""

    def restock(self, supply: Supply, units: int) -> None:
        """Add units to locked stock of this cell, with an event. supply: as it is with the new units."""

    def find(self, supply_ids: Sequence[str]) -> list[Supply]:
        """Supplies by id; unknown ids are left out."""

    def browse(
        self,
        viewer: str | None,
        status: Status | None,
        currency: str | None,
        merchant_id: str | None,
        after: str | None,
        most: int,
    ) -> list[Supply]:
        """Supplies that a user, or with None anybody, may see, newest first, after an id."""


class Stock(Protocol):
    """Units of supplies in this cell."""

    def lock(self, supply_ids: Sequence[str]) -> None:
        """Lock the stock of supplies against change until the transaction ends, before anything of it is read."""

    def read(
        self, supply_ids: Sequence[str], reservation_ids: Sequence[str], user_ids: Sequence[str]
    ) -> tuple[Mapping[str, Reservation], Mapping[str, SaleSnapshot], TakenUnits]:
        """All that a decision on reservations of locked stock needs: what find, on_sale and taken return, at once."""

    def on_sale(self, supply_ids: Sequence[str]) -> Mapping[str, SaleSnapshot]:
        """The available units of supplies in this cell, and their terms; unknown ids are left out."""

    def taken(self, supply_ids: Sequence[str], user_ids: Sequence[str]) -> TakenUnits:
        """Units by (supply, user, phase) that users have reserved or bought."""

    def find(self, reservation_ids: Sequence[str]) -> Mapping[str, Reservation]:
        """Reservations by id, tombstones included."""

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        """Reserve units of locked stock. Raises Contended if a tombstone was written meanwhile."""

    def release(self, reservations: Sequence[Reservation], reason: str) -> None:
        """Put reserved units of locked stock back on sale."""

    def write_tombstones(self, reservations: Sequence[Reservation], reason: str) -> None:
        """Insert missing reservations as released. Raises Contended if one was made meanwhile."""

    def commit(self, reservations: Sequence[Reservation]) -> None:
        """Sell reserved units of locked stock."""

    def return_sold(self, reservations: Sequence[Reservation]) -> None:
        """Put sold units of locked stock back on sale."""

    def firm(self, reservation_ids: Sequence[str]) -> None:
        """Exempt reservations from expiry: their orders are confirmed."""

    def expired(self, now: datetime, most: int) -> list[Reservation]:
        """Expired reservations whose orders have to be queried, except for those that back off.

        Each buyer's first comes before any buyer's second, those that have waited longest first.
        """

    def back_off(self, reservation_ids: Sequence[str], now: datetime) -> None:
        """Query undecided orders again later, after a pause that doubles each time."""


class Quotas(Protocol):
    """What this cell has of supplies, and what moves between it and other cells; within one transaction."""

    def shared(self) -> bool:
        """Whether other cells may have units of a supply, too."""

    def elsewhere(self, supply_id: str, units: int) -> bool:
        """Whether other cells may have what so many units lack here, as far as is known here."""

    def share(self, supply: Supply, units: int, *, caps: bool) -> None:
        """Grant the other cells equal shares of new units of a published supply, if there are enough of them.

        caps: whether the caps of its phases are shared as well, as when it is published.
        """

    def give(self, supply_id: str, asker: str, units: int, phase: str, rights: int) -> None:
        """Grant another cell what it waits for, as far as it can be spared; phase: empty, or one that has a cap."""

    def close(self, supply_id: str, version: int) -> bool:
        """Sell no more of a supply here until a later version sells, and give what is left to its home.

        Returns False, and does nothing, while units are reserved.
        """

    def grants(self, supply_id: str, receiver: str, after: int) -> list[bytes]:
        """The grants of a supply to another cell beyond a version, as stored events in JSON; the first ones of many."""

    def credit(self, event: Event[SupplyQuotaMoved]) -> None:
        """Credit a grant of another cell, the next one of its stream."""

    def report(self, most: int) -> int:
        """Report what changed here of other cells' supplies to their homes. Returns how many there were."""

    def count(self, event: Event[SupplyCounted]) -> None:
        """Note what another cell reports of a supply of this one, and that its last unit is sold, if it is."""

    def received_streams(self, after: GrantStream | None, most: int) -> list[GrantSum]:
        """What was received of other cells: a page of streams, after a given one."""

    def given_sums(self, receiver: str, versions: Mapping[str, int]) -> Sequence[GrantSum]:
        """What was given to another cell, by supply, up to a version each."""


class Peers(Protocol):
    """The supply service of the other cells, by `names`; outside any transaction."""

    @property
    def names(self) -> Sequence[str]: ...

    def gather(self, request: str, wanted: Mapping[str, int]) -> bool:
        """Wait for units that this cell lacks, by supply, asking others for them; for 300 ms at most.

        request: what waits for them. Returns whether this cell has them now.
        """

    def close(self, cell: str, supply_id: str, version: int) -> bool:
        """Have another cell sell no more of a supply, and credit what it gives back.

        version: that of the supply, paused. Returns False while units are reserved there. Raises Unavailable.
        """

    def given(self, cell: str, received: Sequence[GrantSum]) -> Sequence[GrantSum]:
        """What another cell has given to this one, of the same supplies up to the same versions. Raises Unavailable."""


class Wallets(Protocol):
    """The wallet service."""

    def address(self, user_id: str, wallet_id: str | None) -> str:
        """The address of a user's wallet (the default one, if none is given) in EIP-55 form.

        Raises NotFound, Unavailable.
        """

    def proven_address(self, user_id: str, wallet_id: str) -> tuple[str, int]:
        """The address of a user's wallet, and the chain for which it was proven."""


class Chain(Protocol):
    """Hashes, addresses and the default asset of the configured chain."""

    def address(self, text: str) -> str:
        """An address in EIP-55 form. Raises ValueError for no address, or a wrong checksum."""

    def keccak(self, data: bytes) -> bytes:
        """Keccak-256."""

    def default_asset(self, supply_id: str) -> Asset:
        """The configured claim contract's token for a supply: ERC-1155, id keccak256(supply id)."""


class Assets(Protocol):
    """Who owns assets: their contracts, and the bindings to merchants."""

    def served(self, chain_id: int) -> bool:
        """Whether a node of this chain is configured, with the claim contract deployed on it. Raises Unavailable."""

    def is_platform_contract(self, asset: Asset) -> bool:
        """Whether its contract is one of the platform's own."""

    def controlled(self, asset: Asset, address: str, proven_on: int) -> bool:
        """Whether its contract says that an address controls it. Raises Unavailable.

        proven_on: the chain for which the address was proven.
        """

    def bind(self, asset: Asset, merchant_id: str) -> bool:
        """Bind it to a merchant for good; false if it is bound to another. Raises Unavailable."""


class Orders(Protocol):
    """The order service."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        """The decisions on orders whose reservations have expired. Raises Unavailable."""


class Copies(Protocol):
    """This cell's copies of the supplies of other cells, within one transaction."""

    def replicate(self, supply: Supply, version: int, *, proven: bool) -> None:
        """Write a supply of another cell as its home told by a version of its stream, unless a later state is known.

        proven: whether its asset is proven to be its merchant's.
        """

    def count_elsewhere(self, supply_id: str, stock: StockLevel, version: int) -> None:
        """Write the units of another cell's supply as its home told by a version of its stream, if it is known here."""

    def end_elsewhere(self, supply_id: str, version: int) -> None:
        """Archive another cell's supply, which its home told by a version of its stream, if it is known here."""


class CopyingWork(Protocol):
    """The work of keeping copies."""

    @property
    def supplies(self) -> Copies:
        """The copies."""


class ShowingWork(Protocol):
    """The work of showing a supply, outside any transaction, possibly from the cache."""

    shown: ShownSupplies


class SupplyWork(Protocol):
    """The work of one operation on supplies."""

    supplies: Supplies
    stock: Stock
    quotas: Quotas
    wallets: Wallets
    chain: Chain
    assets: Assets

    @property
    def failures(self) -> FailureStore:
        """The failures of this service's jobs, by item."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A new id in this cell."""


class CellsWork(Protocol):
    """The work of what several cells do together: several transactions, with calls to other cells in between."""

    peers: Peers

    def transaction(self) -> AbstractContextManager[SupplyWork]:
        """The work of one transaction, committed at the end."""


class SweepWork(Protocol):
    """The work of a sweep: several transactions, with calls to other services in between."""

    orders: Orders

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[SupplyWork]:
        """The work of one transaction, committed at the end."""
