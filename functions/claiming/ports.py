"""What claiming operations may ask for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from functions.claiming.domain.claim import Claim, Item, Shown, Terms
from functions.claiming.domain.receipt import Purchase
from functions.claiming.domain.redeeming import Honoured, Patience, Sent
from functions.claiming.views import ClaimView


@dataclass(frozen=True, slots=True)
class Bought:
    """An order as its claim needs it. `address` is that of the wallet that paid."""

    order_id: str
    user_id: str
    address: str
    items: tuple[Item, ...]
    claimable: bool
    merchant_id: str


class ShownClaims(Protocol):
    """Claims, as their people may see them."""

    def show(self, claim_id: str, owner: str) -> ClaimView:
        """A claim to its owner. Raises NotFound for an absent or malformed id, or another's."""


class Claims(Protocol):
    """Claims, as one transaction sees them."""

    def open(self, bought: Bought) -> None:
        """Open the claim of a paid order, unless there is one."""

    def bury(self, order_id: str, user_id: str, address: str) -> bool:
        """Void the claim of an order that has none yet, and tell of it; false when there is one."""

    def of_order(self, order_id: str) -> Claim | None:
        """The claim of an order."""

    def lock(self, order_id: str) -> Claim:
        """The claim of an order, held against change by others. Raises NotFound."""

    def lock_claim(self, claim_id: str) -> Claim:
        """A claim by its id, held against change by others. Raises NotFound."""

    def lock_honoured(self, key: bytes, chain_id: int) -> Claim | None:
        """The claim that the contract of a chain knows by a key, held against change by others."""

    def save(self, before: Claim, after: Claim) -> None:
        """Keep what a locked claim has become; what has another version is told of."""

    def get(self, claim_id: str, owner: str) -> Claim:
        """A claim of its owner. Raises NotFound for an absent or malformed id, or another's."""

    def browse(self, owner: str, status: Shown | None, after: str | None, most: int) -> Sequence[Claim]:
        """A user's claims, newest first, after an id."""

    def due(self, chain_id: int, now: datetime, grace: timedelta, most: int) -> Sequence[Claim]:
        """Claims that the house is to redeem on a chain now, the longest due first.

        grace: how long a claim is left to its buyer.
        """

    def sent(self, claim: Claim) -> Sequence[Sent]:
        """The house's transactions that were stored to redeem a claim."""

    def doubted(self, chain_id: int, now: datetime, most: int) -> Sequence[str]:
        """Claims whose blocks are gone, and that were not found as far as the chain was read again, by id."""

    def note(self, honoured: Sequence[Honoured]) -> None:
        """Store what the contract has honoured, to be applied."""

    def noted(self, chain_id: int, now: datetime, most: int) -> Sequence[Honoured]:
        """What was stored and not applied yet, in the order of the chain."""

    def take_note(self, each: Honoured) -> bool:
        """Apply what was stored, once; false when it was, or is gone with its block."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A receipt, and the name of the key that signed it."""

    kid: str
    receipt: str


class Receipts(Protocol):
    """Receipts that were given, as one transaction sees them."""

    def find(self, claim_id: str, state: str) -> str | None:
        """The receipt that was given of a claim in that state, while the key that signed it is published."""

    def keep(self, claim_id: str, state: str, sealed: Sealed) -> str:
        """Keep a receipt; answers the one that was kept before, where somebody was first."""


class Seals(Protocol):
    """Signed receipts."""

    def seal(self, content: Mapping[str, Any], at: datetime) -> Sealed:
        """A receipt that says this. Raises Unavailable."""


class Orders(Protocol):
    """What the order service is asked."""

    def bought(self, order_id: str) -> Bought:
        """An order as its claim needs it. Raises NotFound, Unavailable."""

    def purchase(self, order_id: str) -> Purchase:
        """An order as its receipt needs it. Raises NotFound, Unavailable."""


class Assets(Protocol):
    """Whose assets are."""

    def sold_by(self, item: Item, merchant_id: str) -> bool:
        """Whether what is handed out is the supply's own token, or bound to a merchant. Raises Unavailable."""


class HonouringContract(Protocol):
    """What the claim contract and its chain are asked. Every question raises Unavailable without an answer."""

    def has_honoured(self, claim_id: str) -> bool:
        """Whether it has honoured a claim, as of its latest block."""

    def mined_of(self, sender: str) -> int:
        """How many transactions of a sender's are mined."""


class Vouchers(Protocol):
    """Signed vouchers."""

    def address(self, text: str) -> str:
        """An address in its EIP-55 form. Raises ValueError when it is none, is zero, or its checksum is wrong."""

    def sign(self, terms: Terms) -> str:
        """The voucher for these terms, as the JSON that is stored and returned."""


class Sessions(Protocol):
    """What this region believes of sessions."""

    def tell_ended(self, session_id: str) -> None:
        """Have nobody believe any more that a session lives. Raises Unavailable."""


class SessionWork(Protocol):
    """The work of hearing of sessions."""

    @property
    def sessions(self) -> Sessions:
        """What this region believes of them."""


class ShowingWork(Protocol):
    """The work of showing a claim, in no transaction: what is shown is as new as anything its user was told of."""

    shown: ShownClaims


class ClaimWork(Protocol):
    """The work of one operation on claims, in one transaction."""

    claims: Claims

    def now(self) -> datetime:
        """The time of this operation."""


class GivingWork(ClaimWork, Protocol):
    """The work of giving receipts, in one transaction."""

    receipts: Receipts


class ReceiptWork(Protocol):
    """The work of giving a receipt: transactions of its own, and a question to the order service where needed."""

    orders: Orders
    seals: Seals

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[GivingWork]:
        """Work of its own transaction, committed at the end."""


class ClaimingWork(Protocol):
    """The work of claiming: transactions of its own, and a question to the order service where needed."""

    orders: Orders
    assets: Assets
    vouchers: Vouchers
    voucher_ttl_seconds: int
    patience: Patience

    @property
    def contract(self) -> HonouringContract:
        """The claim contract. Raises Unavailable where there is no chain."""

    def see_limits_kept(self) -> None:
        """Raises Unavailable while nobody can count how often something is tried."""

    def transaction(self) -> AbstractContextManager[ClaimWork]:
        """Work of its own transaction, committed at the end."""
