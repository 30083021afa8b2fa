"""Sign and send the transactions of withdrawals that were asked for."""

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.ending import fail
from functions.wallet.sending import dispatcher
from shared.chains import CallRefused

BATCH = 20


def send_withdrawals(work: ChainWork) -> dict[str, int]:
    """Send what was stored and not sent, then what waits, the oldest first. Returns how many were sent and refused.

    Raises Contended when another sender took the nonce, and Unavailable: the next run goes on.
    """
    done = {"sent": 0, "refused": 0}
    if not work.has_chain:
        return done
    dispatcher(work).send_stored()
    with work.transaction() as reading:
        waiting = reading.withdrawals.waiting(BATCH)
    for withdrawal in waiting:
        done["sent" if _send(withdrawal, work) else "refused"] += 1
    return done


def _send(withdrawal: Withdrawal, work: ChainWork) -> bool:
    try:
        call = work.treasury.payment(withdrawal)
    except CallRefused as refusal:
        with work.transaction() as writing:
            fail(writing.withdrawals.lock(withdrawal.id), refusal.detail, writing)
        return False
    dispatcher(work).send(call)
    return True
