"""Follow the treasury's transactions to their end: mined, replaced with higher fees, or failed."""

from functions.wallet.custody import ChainWork
from functions.wallet.domain.custody import Outcome, Sending, Signed
from functions.wallet.ending import complete, fail
from functions.wallet.sending import broadcast, outbid

BATCH = 100


def track_withdrawals(work: ChainWork) -> dict[str, int]:
    """Look after every transaction that is not done. Returns how many ended. Raises Unavailable: the next run goes on.

    A node that lost blocks may have gone back behind transactions that were done: those are handed to it once more.
    The vault pays each withdrawal once, whatever is handed to it.
    """
    if not work.has_chain:
        return {"ended": 0}
    mined = work.treasury.next_nonce()
    with work.transaction() as reading:
        pending = reading.sendings.pending(BATCH)
        forgotten = reading.sendings.forgotten(mined, BATCH)
    for sending in forgotten:
        if not work.treasury.knows(sending.newest):
            work.treasury.broadcast(sending.newest)
    head = work.vault.head()
    return {"ended": sum(_track(sending, head, work) for sending in pending)}


def _track(sending: Sending, head: int, work: ChainWork) -> bool:
    for signed in sending.transactions:
        outcome = work.treasury.outcome(signed)
        if outcome:
            deep = outcome.block_number + work.vault.confirmations <= head
            if deep:
                _end(sending, signed, outcome, work)
            return deep
    if work.now() - sending.newest.signed_at > work.treasury.replace_after:
        outbid(sending, work)
    elif not work.treasury.knows(sending.newest):
        broadcast(sending.call, sending.newest, work)
    return False


def _end(sending: Sending, signed: Signed, outcome: Outcome, work: ChainWork) -> None:
    withdrawal_id = sending.call.subject if sending.call.purpose == "withdrawal" else None
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
