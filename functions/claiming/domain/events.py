"""The events of the claiming service; their contract is shared/contracts/claim_events.proto."""

from typing import ClassVar

import msgspec


class ClaimOpened(msgspec.Struct, frozen=True):
    """A paid order may be claimed."""

    type: ClassVar[str] = "claim.opened"
    claim_id: str
    order_id: str
    user_id: str


class ClaimClaimed(msgspec.Struct, frozen=True):
    """The voucher was issued."""

    type: ClassVar[str] = "claim.claimed"
    claim_id: str
    order_id: str
    user_id: str
    recipient: str


class ClaimProcessed(msgspec.Struct, frozen=True):
    """The voucher was redeemed on the chain, by the relayer or by anybody else."""

    type: ClassVar[str] = "claim.processed"
    claim_id: str
    order_id: str
    user_id: str
    chain_id: int
    transaction_hash: str
    merchant_id: str


class ClaimFailed(msgspec.Struct, frozen=True):
    """The relayer could not redeem it."""

    type: ClassVar[str] = "claim.failed"
    claim_id: str
    order_id: str
    user_id: str
    reason: str
    merchant_id: str
    code: str


class ClaimVoided(msgspec.Struct, frozen=True):
    """There will never be a voucher: the order is refunded."""

    type: ClassVar[str] = "claim.voided"
    claim_id: str
    order_id: str
    user_id: str
