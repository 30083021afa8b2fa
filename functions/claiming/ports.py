"""The ports of the claiming service: what its operations need from storage, the chain and other services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shared.chain.core.block_scanner import Blocks, Cursor
from shared.chain.core.dispatcher import NonceStore, Sender

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from functions.claiming.domain.claim import Claim, Item, Terms, VisibleStatus
    from functions.claiming.domain.receipt import Purchase
    from functions.claiming.domain.redemption import HonouredClaim, RetryPolicy, SentTransaction
    from functions.claiming.views import ClaimView
    from shared.chain.core.values import ContractCall, Header, ScanResult
    from shared.jobs.items import FailureStore


@dataclass(frozen=True, slots=True)
class ClaimOrder:
    """An order, as far as its claim needs it. address: that of the wallet that paid."""

    order_id: str
    user_id: str
    address: str
    items: tuple[Item, ...]
    claimable: bool
    merchant_id: str


class CachedClaims(Protocol):
    """Claims as views, which may come from the cache."""

    def show(self, claim_id: str, owner: str) -> ClaimView:
        """A claim of its owner. Raises NotFound for an absent or malformed id, or another user's claim."""


class Claims(Protocol):
    """Claims, as one transaction sees them."""

    def open(self, orders: Sequence[ClaimOrder]) -> None:
        """Open the claims of paid orders, but for those that have one."""

    def write_tombstones(self, order_id: str, user_id: str, address: str) -> bool:
        """Write a voided claim for an order that has none, and its event. Returns false when there is one already."""

    def of_order(self, order_id: str) -> Claim | None:
        """The claim of an order."""

    def lock(self, order_id: str) -> Claim:
        """The claim of an order, locked. Raises NotFound."""

    def lock_claim(self, claim_id: str) -> Claim:
        """A claim by id, locked. Raises NotFound."""

    def lock_honoured(self, key: bytes, chain_id: int) -> Claim | None:
        """The claim that has a key in the contract of a chain, locked."""

    def save(self, before: Claim, after: Claim) -> None:
        """Store the new state of a locked claim; appends an event when its version has changed."""

    def get(self, claim_id: str, owner: str) -> Claim:
        """A claim of its owner. Raises NotFound for an absent or malformed id, or another user's claim."""

    def browse(self, owner: str, status: VisibleStatus | None, after: str | None, most: int) -> Sequence[Claim]:
        """A user's claims, newest first, starting after an id."""

    def due(self, chain_id: int, now: datetime, grace: timedelta, most: int) -> Sequence[Claim]:
        """Claims that the relayer is to redeem on a chain now, the longest due first.

        grace: how long a claim is left to its buyer first.
        """

    def sent(self, claim: Claim) -> Sequence[SentTransaction]:
        """The relayer's transactions that were stored to redeem a claim."""

    def orphaned(self, chain_id: int, now: datetime, most: int) -> Sequence[str]:
        """Ids of claims whose blocks were orphaned and that were not found again as far as the chain was read."""

    def record_honoured(self, honoured: Sequence[HonouredClaim]) -> None:
        """Store claims that the contract has honoured, to be applied later."""

    def pending_honoured(self, chain_id: int, now: datetime, most: int) -> Sequence[HonouredClaim]:
        """Honoured claims that were stored and not applied yet, in the order of the chain."""

    def consume_honoured(self, each: HonouredClaim) -> bool:
        """Delete a stored honoured claim in order to apply it. Returns false if it is gone."""


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt, and the id of the key that signed it."""

    kid: str
    receipt: str


class Receipts(Protocol):
    """Issued receipts, as one transaction sees them."""

    def find(self, claim_id: str, state: str) -> str | None:
        """The receipt issued for a state of a claim, as long as the key that signed it is published."""

    def keep(self, claim_id: str, state: str, signed: SignedReceipt) -> str:
        """Store a receipt. Returns the one that was stored before, if there is one."""


class ReceiptSigner(Protocol):
    """Signs receipts."""

    def sign(self, content: Mapping[str, Any], at: datetime) -> SignedReceipt:
        """A receipt with this content. Raises Unavailable."""


class Orders(Protocol):
    """The order service."""

    def for_claim(self, order_id: str) -> ClaimOrder:
        """An order, as far as its claim needs it. Raises NotFound, Unavailable."""

    def for_receipt(self, order_id: str) -> Purchase:
        """An order, as far as its receipt needs it. Raises NotFound, Unavailable."""


class Assets(Protocol):
    """The bindings of assets to merchants."""

    def sold_by(self, item: Item, merchant_id: str) -> bool:
        """Whether an asset is the supply's own token, or is bound to the merchant. Raises Unavailable."""


class ClaimContractState(Protocol):
    """Reads the state of the claim contract. Every method raises Unavailable."""

    def has_honoured(self, claim_id: str) -> bool:
        """Whether the contract has honoured a claim, as of the latest block."""

    def transaction_count(self, sender: str) -> int:
        """How many transactions of a sender are mined: its next nonce."""


class Vouchers(Protocol):
    """Signed vouchers."""

    def address(self, text: str) -> str:
        """A recipient's address in its EIP-55 form. Raises ValueError for no address, zero, or a wrong checksum."""

    def sign(self, terms: Terms) -> str:
        """The voucher for these terms, as JSON."""


class Sessions(Protocol):
    """This region's cache of sessions."""

    def record_ended(self, session_id: str) -> None:
        """Mark a session ended. Raises Unavailable."""


class SessionWork(Protocol):
    """The work of end_sessions."""

    @property
    def sessions(self) -> Sessions:
        """This region's cache of sessions."""


class CachedReadWork(Protocol):
    """The work of showing a claim outside of any transaction, no older than what its user has seen before."""

    shown: CachedClaims


class ClaimWork(Protocol):
    """The work of one operation on claims, in one transaction."""

    claims: Claims

    def now(self) -> datetime:
        """The time of this operation."""


class ReceiptTransaction(ClaimWork, Protocol):
    """The work of reading and storing receipts, in one transaction."""

    receipts: Receipts


class ReceiptWork(Protocol):
    """The work of issuing a receipt: it opens its own transactions, and calls the order service if need be."""

    orders: Orders
    receipt_signer: ReceiptSigner

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[ReceiptTransaction]:
        """The work of a new transaction, committed at the end."""


class ClaimingWork(Protocol):
    """The work of claiming: it opens its own transactions, and calls the order service and the chain if need be."""

    orders: Orders
    assets: Assets
    vouchers: Vouchers
    voucher_ttl_seconds: int
    retry_policy: RetryPolicy

    @property
    def contract(self) -> ClaimContractState:
        """The claim contract. Raises Unavailable when no chain is configured."""

    def require_rate_limits(self) -> None:
        """Raises Unavailable while requests cannot be counted for rate limits."""

    def transaction(self) -> AbstractContextManager[ClaimWork]:
        """The work of a new transaction, committed at the end."""


class Contract(Blocks, ClaimContractState, Protocol):
    """The claim contract and its chain."""

    chain_id: int

    def honoured(self, again: Sequence[Header], fresh: Sequence[Header]) -> ScanResult[HonouredClaim]:
        """The claims that it honoured in blocks, whoever sent them, as far as they are proven complete."""


class Relayer(Sender, Protocol):
    """The platform's key that sends vouchers to the contract."""

    def redemption(self, claim: Claim) -> ContractCall:
        """The call that redeems a claim's voucher.

        Raises CallRefused when the chain would not execute it, TooCostly when it needs too much gas for the platform.
        """


class RedemptionWork(ClaimWork, Protocol):
    """The work of redeeming, in one transaction."""

    failures: FailureStore
    nonces: NonceStore
    cursor: Cursor


class RedeemingWork(Protocol):
    """The work of redemption jobs: they open their own transactions, never during a call to the chain."""

    vouchers: Vouchers
    voucher_ttl_seconds: int
    redeem_after: timedelta
    retry_policy: RetryPolicy

    @property
    def contract(self) -> Contract:
        """The claim contract. Raises Unavailable when no chain is configured."""

    @property
    def relayer(self) -> Relayer:
        """The relayer. Raises Unavailable when no chain is configured."""

    def former_relayer(self, sender: str) -> Sender:
        """The key of a region that has served this cell before, which can no longer sign. Raises as relayer does."""

    @property
    def has_chain(self) -> bool:
        """Whether a node of the claim contract's chain is configured."""

    @property
    def relays(self) -> bool:
        """Whether the relayer redeems claims; otherwise buyers do."""

    def now(self) -> datetime:
        """The present."""

    def chance(self) -> float:
        """A random number from 0 to 1, for jitter."""

    def transaction(self) -> AbstractContextManager[RedemptionWork]:
        """The work of a new transaction, committed at the end."""
