"""Claim what an order bought: a voucher, once."""

from functions.claiming.domain.claim import Claim
from functions.claiming.opening import see_assets_sold, see_it_open
from functions.claiming.ports import ClaimingWork
from functions.claiming.redeeming import reissued, see_undelivered
from functions.claiming.views import ClaimView
from shared.contracts.operations import Address, Caller, Repeated, Request
from shared.errors import Contended, Malformed


class CreateClaim(Request):
    """What to claim, and for whom; the wallet that paid by default."""

    order_id: str
    recipient: Address | None = None


def create_claim(request: CreateClaim, caller: Caller, work: ClaimingWork) -> ClaimView | Repeated[ClaimView]:
    """The claim with its voucher; a repeat returns the identical voucher until its deadline, then reissues it.

    One that the house could not redeem may be made out to another recipient: with the same claim id and nonce, so
    that the contract honours one voucher of it.
    Raises Malformed, NotFound for another's order, NotClaimable, AssetNotYours, RecipientFixed, Contended, Unavailable.
    """
    wanted = _address(request.recipient, work)
    before = see_it_open(request.order_id, caller, work)
    if before.status == "open":
        see_assets_sold(before, work)
    if before.changes_hands(wanted):
        see_undelivered(before, work)
    with work.transaction() as deciding:
        claim = deciding.claims.lock(request.order_id)
        recipient = claim.recipient_for(wanted)
        anew = claim.changes_hands(wanted)
        if anew and claim != before:
            raise Contended  # what was asked of the chain may be so no more
        if not anew and (claim.lasts(deciding.now()) or claim.status == "processed"):  # redeemed, it needs no other
            return Repeated(ClaimView.of(claim))
        if claim.status == "open":  # the first voucher; a repeat hands out nothing new
            work.see_limits_kept()
        after = reissued(claim, work.vouchers, work.voucher_ttl_seconds, recipient, deciding.now())
        after = after.handed_on(deciding.now(), work.patience) if anew else after
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
