"""Sign and broadcast the transactions of requested withdrawals."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from functions.wallet.ports import ChainWork
from functions.wallet.treasury_dispatch import treasury_dispatcher
from functions.wallet.withdrawal_sending import SendResult, send_cancellation, send_payment
from shared.chain.core.dispatcher import UNMINED_MOST
from shared.errors import Contended
from shared.jobs.items import for_each

BATCH = 20

JOB = "send_withdrawals"

T = TypeVar("T")


def send_withdrawals(work: ChainWork) -> dict[str, int]:
    """Broadcast transactions that were stored but not broadcast, then send waiting withdrawals, users in turn.

    Then those that are to fail are cancelled in the vault. Returns how many were sent, refused, sent to be cancelled,
    left to another sender, and failed; the latter are tried again later. Raises Unavailable: the next run continues.
    """
    done = {"sent": 0, "refused": 0, "cancelling": 0, "left": 0, "failed": 0}
    if not work.has_chain:
        return done
    sending = treasury_dispatcher(JOB, work)
    sending.send_stored()
    room = max(0, min(BATCH, UNMINED_MOST - sending.unmined()))
    with work.transaction() as reading:
        waiting = reading.withdrawals.unsigned(room)
    ran = for_each(JOB, waiting, lambda withdrawal: withdrawal.id, partial(_turn, send_payment, work), work)
    with work.transaction() as reading:
        failing = reading.cancellations.due(room - ran.results.count("sent"))
    ended = for_each(JOB, failing, lambda each: each.withdrawal.id, partial(_turn, send_cancellation, work), work)
    for result in (*ran.results, *ended.results):
        done[result] += 1
    return {**done, "failed": ran.failed + ended.failed}


def _turn(step: Callable[[str, ChainWork, T], SendResult], work: ChainWork, item: T) -> SendResult:
    try:
        return step(JOB, work, item)
    except Contended:
        return "left"  # another sender has the withdrawal or the nonce, and nothing was done here
