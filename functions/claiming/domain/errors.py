"""What a claim refuses."""

from shared.errors import Refusal


class NotClaimable(Refusal):
    """The order is not paid, or was given back."""

    code = "NOT_CLAIMABLE"


class RecipientFixed(Refusal):
    """The voucher was made out to another recipient."""

    code = "RECIPIENT_FIXED"


class NotFailed(Refusal):
    """The claim has not failed: there is nothing to try again."""

    code = "CLAIM_NOT_FAILED"
