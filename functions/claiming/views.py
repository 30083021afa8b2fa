"""Views: the JSON that callers of the claiming service see."""

from typing import Annotated, Any

import msgspec

from functions.claiming.domain.claim import Claim, VisibleStatus
from shared.chain.core.values import CallRefused
from shared.contracts.fields import (
    ChainId,
    ClaimId,
    Digest,
    Hexadecimal,
    OrderId,
    ShownAddress,
    TransactionHash,
    UserId,
)
from shared.contracts.operations import Resource, Time, View
from shared.decoding import ready

DOMAIN = msgspec.Meta(
    examples=[
        {
            "name": "Meridian Claims",
            "version": "1",
            "chainId": 31337,
            "verifyingContract": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        }
    ]
)
TYPES = msgspec.Meta(
    examples=[{"Item": [{"name": "asset", "type": "address"}, {"name": "tokenId", "type": "uint256"}]}]
)
MESSAGE = msgspec.Meta(
    examples=[
        {
            "claimId": "0x" + "2b" * 32,
            "orderId": "0x" + "3c" * 32,
            "recipient": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
            "items": [{"asset": "0x5FbDB2315678afecb367f032d93F642f64180aa3", "tokenId": "7", "quantity": "2"}],
            "nonce": "2105286405410263872",
            "deadline": "1798675200",
        }
    ]
)
"""What the parts of a voucher look like (functions/claiming/adapters/voucher.py)."""


class VoucherView(View):
    """An EIP-712 voucher: what a wallet or a contract needs to check it. Integers of 256 bits are decimal strings."""

    domain: Annotated[dict[str, Any], DOMAIN]
    """EIP-712's domain: the contract and the chain that honour it."""

    types: Annotated[dict[str, list[dict[str, str]]], TYPES]
    """EIP-712's types."""

    primary_type: Annotated[str, msgspec.Meta(examples=["Claim"])]
    """The type of the message."""

    message: Annotated[dict[str, Any], MESSAGE]
    """What is signed: the claim, the recipient, what they get, a nonce that is used once, and a deadline in Unix time.
    Integers are decimal strings.
    """

    digest: Digest
    """The hash that is signed, 32 bytes in hexadecimal."""

    signature: Hexadecimal
    """The house's signature of the digest, 65 bytes in hexadecimal: r, s, v."""

    signer: ShownAddress
    """The address of the key that signed, which the contract knows."""


class RedemptionView(View):
    """The transaction that redeemed a voucher."""

    chain_id: ChainId
    """The chain, by its number in EIP-155."""

    hash: TransactionHash
    """The transaction's hash."""


class ClaimFailureView(View):
    """Why the platform could not redeem a claim: its buyer may redeem it, or name another recipient."""

    code: Annotated[str, msgspec.Meta(examples=["CALL_REFUSED"])]
    """Why, for a program: `CALL_REFUSED`, `GAS_LIMIT` or `REVERTED`."""

    detail: Annotated[str, msgspec.Meta(examples=["The contract refuses the recipient."])]
    """Why, for a person."""


class ClaimView(Resource, kw_only=True):
    """A claim with its voucher."""

    id: ClaimId
    """The claim's id."""

    order_id: OrderId
    """The order that it is for; there is one claim for an order."""

    user_id: UserId
    """The buyer."""

    recipient: ShownAddress
    """The address that gets what was bought, in its EIP-55 form."""

    status: VisibleStatus
    """`claimed`: there is a voucher; `processing`: a transaction is under way; `processed`: redeemed on the chain;
    `failed`: the house could not redeem it.
    """

    voucher: VoucherView
    """What the claim contract honours, once; anybody may send it there."""

    transaction: RedemptionView | msgspec.UnsetType = msgspec.UNSET
    """The transaction that redeemed it; only with the status `processed`."""

    failure: ClaimFailureView | msgspec.UnsetType = msgspec.UNSET
    """Why the house could not redeem it; only with the status `failed`."""

    claimed_at: Time
    """When the voucher was first issued."""

    processed_at: Time | None
    """When it was redeemed; null until then."""

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
            ready(cls),
        )
