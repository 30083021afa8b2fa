"""The refusals of the claiming service. Each docstring is the default `detail` of the HTTP problem."""

from shared.errors import Refusal


class NotClaimable(Refusal):
    """The order is not paid, or was given back."""

    code = "NOT_CLAIMABLE"
    cure = "Claim an order whose status is `paid`."


class AssetNotYours(Refusal):
    """What this order bought is not known to be its merchant's to hand out: there is no voucher for it."""

    code = "ASSET_NOT_YOURS"
    cure = "Ask the merchant, who has to prove that the token is theirs, or for a refund."


class RecipientFixed(Refusal):
    """The voucher was made out to another recipient."""

    code = "RECIPIENT_FIXED"
    cure = "Use the voucher that there is; it changes only after a redemption has failed."


class NotFailed(Refusal):
    """The claim has not failed: there is nothing to try again."""

    code = "CLAIM_NOT_FAILED"
    cure = "Nothing: wait for it."
