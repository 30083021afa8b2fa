"""Views: the JSON that callers of the claiming service see."""

from typing import Any

import msgspec

from functions.claiming.domain.claim import Claim, VisibleStatus
from shared.chain.core.values import CallRefused
from shared.contracts.operations import Resource, Time, View


class VoucherView(View):
    """An EIP-712 voucher: what a wallet or a contract needs to check it. Integers of 256 bits are decimal strings."""

    domain: dict[str, Any]
    types: dict[str, list[dict[str, str]]]
    primary_type: str
    message: dict[str, Any]
    digest: str
    signature: str
    signer: str


class RedemptionView(View):
    """The transaction that redeemed a voucher."""

    chain_id: int
    hash: str


class ClaimFailureView(View):
    """Why the platform could not redeem a claim: its buyer may redeem it, or name another recipient."""

    code: str
    detail: str


class ClaimView(Resource, kw_only=True):
    """A claim with its voucher."""

    id: str
    order_id: str
    user_id: str
    recipient: str
    status: VisibleStatus
    voucher: VoucherView
    transaction: RedemptionView | msgspec.UnsetType = msgspec.UNSET
    failure: ClaimFailureView | msgspec.UnsetType = msgspec.UNSET
    claimed_at: Time
    processed_at: Time | None

    @classmethod
    def of(cls, claim: Claim) -> "ClaimView":
        """What a caller sees of a claim that has its voucher."""
        redeemed = claim.redemption
        transaction = {"chain_id": redeemed.chain_id, "hash": redeemed.transaction_hash} if redeemed else None
        # Claims that failed before codes were kept were refused by the contract, or reverted.
        failure = {"code": claim.failure_code or CallRefused.code, "detail": claim.failure}
        return msgspec.convert(
            {
                "id": claim.id,
                "order_id": claim.order_id,
                "user_id": claim.user_id,
                "recipient": claim.recipient,
                "status": claim.status,
                "voucher": msgspec.json.decode(claim.voucher or ""),
                **({"transaction": transaction} if transaction else {}),
                **({"failure": failure} if claim.status == "failed" else {}),
                "claimed_at": claim.claimed_at,
                "processed_at": claim.processed_at,
            },
            cls,
        )
