"""Claim what an order bought: a voucher, once."""

from functions.claiming.domain.claim import Claim
from functions.claiming.opening import see_it_open
from functions.claiming.ports import ClaimingWork
from functions.claiming.redeeming import reissued
from functions.claiming.views import ClaimView
from shared.contracts.operations import Address, Caller, Repeated, Request
from shared.errors import Malformed


class CreateClaim(Request):
    """What to claim, and for whom; the wallet that paid by default."""

    order_id: str
    recipient: Address | None = None


def create_claim(request: CreateClaim, caller: Caller, work: ClaimingWork) -> ClaimView | Repeated[ClaimView]:
    """The claim with its voucher; a repeat returns the identical voucher until its deadline, then reissues it.

    Raises Malformed, NotFound for another's order, NotClaimable, RecipientFixed, Unavailable.
    """
    wanted = _address(request.recipient, work)
    see_it_open(request.order_id, caller, work)
    with work.transaction() as deciding:
        claim = deciding.claims.lock(request.order_id)
        recipient = claim.recipient_for(wanted)
        if claim.lasts(deciding.now()) or claim.status == "processed":  # what was redeemed needs no other
            return Repeated(ClaimView.of(claim))
        if claim.status == "open":  # the first voucher; a repeat hands out nothing new
            work.see_limits_kept()
        after = reissued(claim, work.vouchers, work.voucher_ttl_seconds, recipient, deciding.now())
        deciding.claims.save(claim, after)
    return _answer(claim, after)


def _address(text: str | None, work: ClaimingWork) -> str | None:
    try:
        return work.vouchers.address(text) if text is not None else None
    except ValueError as error:
        raise Malformed(str(error), field="recipient") from error


def _answer(before: Claim, after: Claim) -> ClaimView | Repeated[ClaimView]:
    view = ClaimView.of(after)
    return view if before.status == "open" else Repeated(view)
