"""Track the relayer's transactions until they are confirmed or reverted; stuck ones are replaced with higher fees."""

from functools import partial

from functions.claiming.claim_redemption import after_attempt, dispatcher, former_dispatchers
from functions.claiming.domain.redemption import Failure
from functions.claiming.ports import RedeemingWork
from shared.chain.core.values import NonceAssignment, Outcome, SignedTransaction

JOB = "track_redemptions"

REVERTED = Failure("REVERTED", "The transaction was reverted.")


def track_redemptions(work: RedeemingWork) -> dict[str, int]:
    """Follow up on every pending transaction. Returns how many ended. Raises Unavailable: the next run continues.

    Whether a claim was honoured is not concluded from them, but from the contract's events (watch_redemptions).
    """
    if not work.relays:
        return {"ended": 0}
    confirmed = work.contract.head() - work.contract.confirmations
    ended = dispatcher(JOB, work).follow(confirmed, partial(_end, work, ""))
    for sender, following in former_dispatchers(JOB, work):
        ended += following.follow(confirmed, partial(_end, work, sender))
    return {"ended": ended}


def _end(work: RedeemingWork, former: str, sending: NonceAssignment, _: SignedTransaction, outcome: Outcome) -> bool:
    claim_id = sending.call.subject.split(" ")[0]
    # A failed transaction may have found the claim honoured: by the buyer, or by an earlier one of the relayer.
    honoured = outcome.succeeded or work.contract.has_honoured(claim_id)
    with work.transaction() as writing:
        nonces = writing.nonces.of(former) if former else writing.nonces
        if not nonces.end(sending, succeeded=outcome.succeeded):
            return False  # it was handled before: by now another attempt may be in flight
        claim = writing.claims.lock_claim(claim_id)
        if claim.in_flight:
            after = after_attempt(claim, honoured=honoured, failure=REVERTED, work=work)
            writing.claims.save(claim, after)
    return True
