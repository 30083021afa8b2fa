"""Claim what an order bought: issue its voucher, once."""

from functions.claiming.claim_opening import ensure_assets_bound, ensure_open
from functions.claiming.claim_redemption import ensure_undelivered, reissued
from functions.claiming.domain.claim import Claim
from functions.claiming.ports import ClaimingWork
from functions.claiming.requests import CreateClaim
from functions.claiming.views import ClaimView
from shared.contracts.operations import Caller, Repeated
from shared.errors import Contended, Malformed


def create_claim(request: CreateClaim, caller: Caller, work: ClaimingWork) -> ClaimView | Repeated[ClaimView]:
    """The claim with its voucher; a repeat returns the identical voucher until its deadline, then reissues it.

    A failed claim may be reissued to another recipient, with the same claim id and nonce, so that the contract honours
    only one of its vouchers.
    Raises Malformed, NotFound for another's order, NotClaimable, AssetNotYours, RecipientFixed, Contended, Unavailable.
    """
    requested = _address(request.recipient, work)
    before = ensure_open(request.order_id, caller, work)
    if before.status == "open":
        ensure_assets_bound(before, work)
    if before.changes_recipient(requested):
        ensure_undelivered(before, work)
    with work.transaction() as deciding:
        claim = deciding.claims.lock(request.order_id)
        recipient = claim.recipient_for(requested)
        reassigning = claim.changes_recipient(requested)
        if reassigning and claim != before:
            raise Contended  # what was read from the chain may be outdated
        redeemed = claim.status == "processed"  # it needs no new voucher
        if not reassigning and (redeemed or claim.has_valid_voucher(deciding.now())):
            return Repeated(ClaimView.of(claim))
        if claim.status == "open":  # the first voucher; a repeat issues nothing new
            work.require_rate_limits()
        after = reissued(claim, work.vouchers, work.voucher_ttl_seconds, recipient, deciding.now())
        after = after.reassigned(deciding.now(), work.retry_policy) if reassigning else after
        deciding.claims.save(claim, after)
    return _response(claim, after)


def _address(text: str | None, work: ClaimingWork) -> str | None:
    try:
        return work.vouchers.address(text) if text is not None else None
    except ValueError as error:
        raise Malformed(str(error), field="recipient") from error


def _response(before: Claim, after: Claim) -> ClaimView | Repeated[ClaimView]:
    view = ClaimView.of(after)
    return view if before.status == "open" else Repeated(view)
