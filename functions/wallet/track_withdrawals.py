"""Follow the treasury's transactions to their end: mined, replaced with higher fees, or failed."""

from functools import partial

from functions.wallet.custody import ChainWork
from functions.wallet.ending import complete, fail
from functions.wallet.sending import WITHDRAWAL, dispatcher
from shared.chains import Outcome, Sending, Signed


def track_withdrawals(work: ChainWork) -> dict[str, int]:
    """Look after every transaction that is not done. Returns how many ended. Raises Unavailable: the next run goes on.

    The vault pays each withdrawal once, whatever is handed to it.
    """
    if not work.has_chain:
        return {"ended": 0}
    head = work.vault.head()

    def deep(outcome: Outcome) -> bool:
        return outcome.block_number + work.vault.confirmations <= head

    return {"ended": dispatcher(work).follow(deep, partial(_end, work))}


def _end(work: ChainWork, sending: Sending, signed: Signed, outcome: Outcome) -> None:
    withdrawal_id = sending.call.subject if sending.call.purpose == WITHDRAWAL else None
    # Whether it was paid is the vault's word: a transaction that failed may have found it paid.
    paid = withdrawal_id is not None and (outcome.succeeded or work.vault.paid(withdrawal_id))
    with work.transaction() as writing:
        writing.sendings.end(sending, succeeded=outcome.succeeded)
        if withdrawal_id is None:
            return
        withdrawal = writing.withdrawals.lock(withdrawal_id)
        if paid:
            complete(withdrawal, signed.hash, writing)
        else:
            fail(withdrawal, "The transaction was reverted.", writing)
