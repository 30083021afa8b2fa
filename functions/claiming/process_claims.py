"""Redeem claims on the chain with the relayer's key."""

from functools import partial
from operator import attrgetter

from functions.claiming.claim_redemption import after_attempt, dispatcher, lock_unchanged, redeemable
from functions.claiming.domain.claim import Claim
from functions.claiming.domain.redemption import Failure
from functions.claiming.ports import RedeemingWork, RedemptionWork
from shared.chain.core.dispatcher import UNMINED_MOST
from shared.chain.core.values import CallRefused, TooCostly
from shared.jobs.items import for_each

BATCH = 20
"""How many claims one run sends; the next run follows within seconds, so that none waits for a confirmation."""


def process_claims(work: RedeemingWork) -> dict[str, int]:
    """Broadcast transactions that were stored but not broadcast, then redeem due claims.

    Returns how many were sent, refused, and failed. A claim fails alone, for example when another run or the buyer
    redeems it at the same time. Raises Unavailable: the next run continues.
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
    """Send a claim's redemption. Returns false if the call was refused."""
    try:
        call = work.relayer.redemption(claim)
    except CallRefused as refusal:
        honoured = work.contract.has_honoured(claim.id)
        failure = Failure(refusal.code, refusal.detail, final=isinstance(refusal, TooCostly))
        with work.transaction() as writing:
            before = lock_unchanged(claim, writing)
            writing.claims.save(before, after_attempt(before, honoured=honoured, failure=failure, work=work))
        return False
    dispatcher("process_claims", work).send(call, beside=partial(_attempted, claim))
    return True


def _attempted(claim: Claim, storing: RedemptionWork) -> None:
    before = lock_unchanged(claim, storing)
    storing.claims.save(before, before.attempted())
