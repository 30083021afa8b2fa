"""List the caller's claims."""

from functions.claiming.domain.claim import VisibleStatus
from functions.claiming.ports import ClaimWork
from functions.claiming.views import ClaimView
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListClaims(PageRequest):
    """Which claims to list."""

    status: VisibleStatus | None = None
    """Only claims with this status."""


def list_claims(request: ListClaims, caller: Caller, work: ClaimWork) -> Page[ClaimView]:
    """The caller's claims, newest first."""
    found = work.claims.browse(caller.user_id, request.status, request.after("clm"), request.limit + 1)
    return page([ClaimView.of(claim) for claim in found], request.limit, "id")
