"""Retry a failed claim, as an operator."""

from functions.claiming.ports import ClaimWork
from functions.claiming.views import ClaimView
from shared.contracts.fields import ClaimId
from shared.contracts.operations import Caller, Request


class RetryClaim(Request):
    """Which claim to try again."""

    claim_id: ClaimId


def retry_claim(request: RetryClaim, caller: Caller, work: ClaimWork) -> ClaimView:
    """The claim, due again. Raises NotFound, NotFailed."""
    claim = work.claims.lock_claim(request.claim_id)
    after = claim.retried(work.now())
    work.claims.save(claim, after)
    return ClaimView.of(after)
