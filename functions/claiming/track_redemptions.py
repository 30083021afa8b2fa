"""Follow the relayer's transactions to their end: mined, replaced with higher fees, or reverted."""

from functools import partial

from functions.claiming.domain.redeeming import Failure
from functions.claiming.redeeming import RedeemingWork, concluded, dispatcher
from shared.chains import Outcome, Sending, Signed

REVERTED = Failure("REVERTED", "The transaction was reverted.")


def track_redemptions(work: RedeemingWork) -> dict[str, int]:
    """Look after every transaction that is not done. Returns how many ended. Raises Unavailable: the next run goes on.

    That a claim was honoured is not concluded here but heard from the contract (watch_redemptions).
    """
    if not work.relays:
        return {"ended": 0}
    confirmed = work.contract.head() - work.contract.confirmations
    return {"ended": dispatcher("track_redemptions", work).follow(confirmed, partial(_end, work))}


def _end(work: RedeemingWork, sending: Sending, _: Signed, outcome: Outcome) -> bool:
    claim_id = sending.call.subject.split(" ")[0]
    # A transaction that failed may have found the claim honoured: by the buyer, or by one of the house's before it.
    honoured = outcome.succeeded or work.contract.has_honoured(claim_id)
    with work.transaction() as writing:
        if not writing.sendings.end(sending, succeeded=outcome.succeeded):
            return False  # what follows from it was decided: by now another attempt may be on its way
        claim = writing.claims.lock_claim(claim_id)
        if claim.awaited:
            after = concluded(claim, honoured=honoured, failure=REVERTED, work=work)
            writing.claims.save(claim, after)
    return True
