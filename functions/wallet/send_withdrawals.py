"""Sign and send the transactions of withdrawals that were asked for."""

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import PaymentRefused, Withdrawal
from functions.wallet.ending import fail
from functions.wallet.sending import broadcast, send

BATCH = 20


def send_withdrawals(work: ChainWork) -> dict[str, int]:
    """Send what was stored and not sent, then what waits, the oldest first. Returns how many were sent and refused.

    Raises Contended when another sender took the nonce, and Unavailable: the next run goes on.
    """
    done = {"sent": 0, "refused": 0}
    if not work.has_chain:
        return done
    with work.transaction() as reading:
        stored = reading.sendings.pending(BATCH)
        waiting = reading.withdrawals.waiting(BATCH)
    for sending in stored:
        if not sending.newest.broadcast:
            broadcast(sending.call, sending.newest, work)
    for withdrawal in waiting:
        done["sent" if _send(withdrawal, work) else "refused"] += 1
    return done


def _send(withdrawal: Withdrawal, work: ChainWork) -> bool:
    try:
        call = work.treasury.payment(withdrawal)
    except PaymentRefused as refusal:
        with work.transaction() as writing:
            fail(writing.withdrawals.lock(withdrawal.id), refusal.detail, writing)
        return False
    send(call, work)
    return True
