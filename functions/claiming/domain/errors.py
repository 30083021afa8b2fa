"""The refusals of the claiming service. Each docstring is the default `detail` of the HTTP problem."""

from shared.errors import Refusal


class NotClaimable(Refusal):
    """The order is not paid, or was given back."""

    code = "NOT_CLAIMABLE"


class AssetNotYours(Refusal):
    """What this order bought is not known to be its merchant's to hand out: there is no voucher for it."""

    code = "ASSET_NOT_YOURS"


class RecipientFixed(Refusal):
    """The voucher was made out to another recipient."""

    code = "RECIPIENT_FIXED"


class NotFailed(Refusal):
    """The claim has not failed: there is nothing to try again."""

    code = "CLAIM_NOT_FAILED"
