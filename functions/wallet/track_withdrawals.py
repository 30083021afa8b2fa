"""Follow the treasury's transactions to their end: mined, replaced with higher fees, or failed."""

from functools import partial

from functions.wallet.custody import ChainWork
from functions.wallet.ending import complete, fail, payment
from functions.wallet.sending import WITHDRAWAL, dispatcher
from shared.chains import Outcome, Sending, Signed


def track_withdrawals(work: ChainWork) -> dict[str, int]:
    """Look after every transaction that is not done. Returns how many ended. Raises Unavailable: the next run goes on.

    The vault pays each withdrawal once, whatever is handed to it.
    """
    if not work.has_chain:
        return {"ended": 0}
    confirmed = work.vault.head() - work.vault.confirmations
    return {"ended": dispatcher("track_withdrawals", work).follow(confirmed, partial(_end, work, confirmed))}


def _end(work: ChainWork, confirmed: int, sending: Sending, signed: Signed, outcome: Outcome) -> bool:
    withdrawal_id = sending.call.subject if sending.call.purpose == WITHDRAWAL else None
    paying = signed.hash if outcome.succeeded else withdrawal_id and payment(withdrawal_id, work, confirmed)
    with work.transaction() as writing:
        if not writing.sendings.end(sending, succeeded=outcome.succeeded):
            return False
        if withdrawal_id is None:
            return True
        withdrawal = writing.withdrawals.lock(withdrawal_id)
        if paying:
            complete(withdrawal, paying, writing)
        else:
            fail(withdrawal, "The transaction was reverted.", writing)
    return True
