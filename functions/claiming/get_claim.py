"""Show one of the caller's claims."""

from functions.claiming.ports import ClaimWork
from functions.claiming.views import ClaimView
from shared.contracts.operations import Caller, Request


class GetClaim(Request):
    """Which claim to show."""

    claim_id: str


def get_claim(request: GetClaim, caller: Caller, work: ClaimWork) -> ClaimView:
    """The claim with its voucher. Raises NotFound."""
    return ClaimView.of(work.claims.get(request.claim_id, owner=caller.user_id))
