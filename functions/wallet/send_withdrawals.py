"""Sign and broadcast the transactions of requested withdrawals."""

from functools import partial
from typing import Literal

from functions.wallet.domain.custody import Withdrawal
from functions.wallet.ports import ChainWork
from functions.wallet.treasury_dispatch import treasury_dispatcher
from functions.wallet.withdrawal_completion import end_unsent, lock_unchanged
from shared.chain.core.dispatcher import UNMINED_MOST
from shared.chain.core.values import CallRefused, CallUnknown
from shared.errors import Contended
from shared.jobs.items import for_each

BATCH = 20

JOB = "send_withdrawals"

SendResult = Literal["sent", "refused", "left"]


def send_withdrawals(work: ChainWork) -> dict[str, int]:
    """Broadcast transactions that were stored but not broadcast, then send waiting withdrawals, users in turn.

    Returns how many were sent, refused, left to another sender, and failed; the latter are tried again later. Raises
    Unavailable: the next run continues.
    """
    done = {"sent": 0, "refused": 0, "left": 0, "failed": 0}
    if not work.has_chain:
        return done
    sending = treasury_dispatcher(JOB, work)
    sending.send_stored()
    room = min(BATCH, UNMINED_MOST - sending.unmined())
    with work.transaction() as reading:
        waiting = reading.withdrawals.unsigned(max(room, 0))
    ran = for_each(JOB, waiting, lambda withdrawal: withdrawal.id, partial(_turn, work), work)
    for result in ran.results:
        done[result] += 1
    return {**done, "failed": ran.failed}


def _turn(work: ChainWork, withdrawal: Withdrawal) -> SendResult:
    try:
        return _send(work, withdrawal)
    except Contended:
        return "left"  # another sender has the withdrawal or the nonce, and nothing was done here


def _send(work: ChainWork, withdrawal: Withdrawal) -> SendResult:
    try:
        call = work.treasury.payment(withdrawal)
    except CallUnknown:
        raise  # the node could not say: that is no verdict on the withdrawal
    except CallRefused as refusal:
        end_unsent(withdrawal, refusal.detail, work)
        return "refused"
    treasury_dispatcher(JOB, work).send(call, beside=partial(lock_unchanged, withdrawal))
    return "sent"
