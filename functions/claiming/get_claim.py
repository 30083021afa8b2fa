"""Show one of the caller's claims."""

from functions.claiming.ports import CachedReadWork
from functions.claiming.views import ClaimView
from shared.contracts.fields import ClaimId
from shared.contracts.operations import Caller, Request


class GetClaim(Request):
    """Which claim to show."""

    claim_id: ClaimId


def get_claim(request: GetClaim, caller: Caller, work: CachedReadWork) -> ClaimView:
    """The claim with its voucher. Raises NotFound."""
    return work.shown.show(request.claim_id, owner=caller.user_id)
