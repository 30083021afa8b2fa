"""Redeem what is claimed, in the house's name."""

from functools import partial

from functions.claiming.domain.claim import Claim
from functions.claiming.redeeming import RedeemingWork, RedemptionWork, concluded, dispatcher, redeemable, unchanged
from shared.chains import CallRefused
from shared.contracts.sending import UNMINED_MOST

BATCH = 20
"""How many are sent in one run; the next one follows in seconds, so that nobody waits for a chain."""


def process_claims(work: RedeemingWork) -> dict[str, int]:
    """Send what was stored and not sent, then what is due. Returns how many were sent and refused.

    Raises Contended when another run or the buyer was at the same claim, and Unavailable: the next run goes on.
    """
    done = {"sent": 0, "refused": 0}
    if not work.relays:
        return done
    sending = dispatcher("process_claims", work)
    sending.send_stored()
    room = min(BATCH, UNMINED_MOST - sending.unmined())
    with work.transaction() as reading:
        due = reading.claims.due(work.contract.chain_id, work.now(), work.redeem_after, max(room, 0))
    for claim in due:
        done["sent" if _redeemed(redeemable(claim, work), work) else "refused"] += 1
    return done


def _redeemed(claim: Claim, work: RedeemingWork) -> bool:
    try:
        call = work.relayer.redemption(claim)
    except CallRefused as refusal:
        honoured = work.contract.has_honoured(claim.id)
        with work.transaction() as writing:
            before = unchanged(claim, writing)
            writing.claims.save(before, concluded(before, honoured=honoured, failure=refusal.detail, work=work))
        return False
    dispatcher("process_claims", work).send(call, beside=partial(_attempted, claim))
    return True


def _attempted(claim: Claim, storing: RedemptionWork) -> None:
    before = unchanged(claim, storing)
    storing.claims.save(before, before.attempted())
