"""The facts of the claiming service; shared/contracts/claim_events.proto is their contract."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ClaimOpened:
    """A paid order may be claimed."""

    type: ClassVar[str] = "claim.opened"
    claim_id: str
    order_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ClaimClaimed:
    """There is a voucher."""

    type: ClassVar[str] = "claim.claimed"
    claim_id: str
    order_id: str
    user_id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class ClaimProcessed:
    """The voucher was redeemed on the chain, by whomever."""

    type: ClassVar[str] = "claim.processed"
    claim_id: str
    order_id: str
    user_id: str
    chain_id: int
    transaction_hash: str
    merchant_id: str


@dataclass(frozen=True, slots=True)
class ClaimFailed:
    """The house could not redeem it."""

    type: ClassVar[str] = "claim.failed"
    claim_id: str
    order_id: str
    user_id: str
    reason: str
    merchant_id: str
    code: str


@dataclass(frozen=True, slots=True)
class ClaimVoided:
    """There never is a voucher: the order is given back."""

    type: ClassVar[str] = "claim.voided"
    claim_id: str
    order_id: str
    user_id: str
