"""Sign and send the transactions of withdrawals that were asked for."""

from functools import partial
from typing import Literal

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.ending import end_unsent, unchanged
from functions.wallet.sending import dispatcher
from shared.chains import CallRefused, CallUnknown
from shared.contracts.sending import UNMINED_MOST
from shared.errors import Contended
from shared.jobs.items import for_each

BATCH = 20

JOB = "send_withdrawals"

Sent = Literal["sent", "refused", "left"]


def send_withdrawals(work: ChainWork) -> dict[str, int]:
    """Send what was stored and not sent, then what waits, users in turn.

    Returns how many were sent, refused, left to another sender, and failed: those are tried again later. Raises
    Unavailable: the next run goes on.
    """
    done = {"sent": 0, "refused": 0, "left": 0, "failed": 0}
    if not work.has_chain:
        return done
    sending = dispatcher(JOB, work)
    sending.send_stored()
    room = min(BATCH, UNMINED_MOST - sending.unmined())
    with work.transaction() as reading:
        waiting = reading.withdrawals.waiting(max(room, 0))
    ran = for_each(JOB, waiting, lambda withdrawal: withdrawal.id, partial(_turn, work), work)
    for result in ran.results:
        done[result] += 1
    return {**done, "failed": ran.failed}


def _turn(work: ChainWork, withdrawal: Withdrawal) -> Sent:
    try:
        return _send(work, withdrawal)
    except Contended:
        return "left"  # another sender has the withdrawal or the nonce, and nothing was done here


def _send(work: ChainWork, withdrawal: Withdrawal) -> Sent:
    try:
        call = work.treasury.payment(withdrawal)
    except CallUnknown:
        raise  # that tells nothing of the withdrawal
    except CallRefused as refusal:
        end_unsent(withdrawal, refusal.detail, work)
        return "refused"
    dispatcher(JOB, work).send(call, beside=partial(unchanged, withdrawal))
    return "sent"
