"""Redeem what is claimed, in the house's name."""

from functools import partial
from operator import attrgetter

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.redeeming import Failure
from functions.claiming.redeeming import RedeemingWork, RedemptionWork, concluded, dispatcher, redeemable, unchanged
from shared.chains import CallRefused, TooCostly
from shared.contracts.sending import UNMINED_MOST
from shared.jobs.items import for_each

BATCH = 20
"""How many are sent in one run; the next one follows in seconds, so that nobody waits for a chain."""


def process_claims(work: RedeemingWork) -> dict[str, int]:
    """Send what was stored and not sent, then what is due. Returns how many were sent, refused, and failed.

    One fails by itself when another run or the buyer was at it, too. Raises Unavailable: the next run goes on.
    """
    if not work.relays:
        return {"sent": 0, "refused": 0, "failed": 0}
    sending = dispatcher("process_claims", work)
    sending.send_stored()
    room = min(BATCH, UNMINED_MOST - sending.unmined())
    with work.transaction() as reading:
        due = reading.claims.due(work.contract.chain_id, work.now(), work.redeem_after, max(room, 0))
    ran = for_each(
        "process_claims", due, attrgetter("id"), lambda claim: _redeemed(redeemable(claim, work), work), work
    )
    sent = sum(ran.results)
    return {"sent": sent, "refused": len(ran.results) - sent, "failed": ran.failed}


def _redeemed(claim: Claim, work: RedeemingWork) -> bool:
    """Whether a claim's redemption was sent; otherwise it was refused."""
    try:
        call = work.relayer.redemption(claim)
    except CallRefused as refusal:
        honoured = work.contract.has_honoured(claim.id)
        failure = Failure(refusal.code, refusal.detail, final=isinstance(refusal, TooCostly))
        with work.transaction() as writing:
            before = unchanged(claim, writing)
            writing.claims.save(before, concluded(before, honoured=honoured, failure=failure, work=work))
        return False
    dispatcher("process_claims", work).send(call, beside=partial(_attempted, claim))
    return True


def _attempted(claim: Claim, storing: RedemptionWork) -> None:
    before = unchanged(claim, storing)
    storing.claims.save(before, before.attempted())
