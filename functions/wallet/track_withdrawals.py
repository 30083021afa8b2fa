"""Track the treasury's transactions until they are confirmed or failed; stuck ones are replaced with higher fees."""

from functools import partial

from functions.wallet.ports import ChainWork
from functions.wallet.treasury_dispatch import WITHDRAWAL, former_dispatchers, treasury_dispatcher
from functions.wallet.withdrawal_completion import complete, fail, find_payment
from shared.chain.core.values import NonceAssignment, Outcome, SignedTransaction

JOB = "track_withdrawals"


def track_withdrawals(work: ChainWork) -> dict[str, int]:
    """Follow up on every pending transaction. Returns how many ended. Raises Unavailable: the next run continues.

    The vault contract pays each withdrawal once, however often it is called.
    """
    if not work.has_chain:
        return {"ended": 0}
    confirmed = work.vault.head() - work.vault.confirmations
    ended = treasury_dispatcher(JOB, work).follow(confirmed, partial(_end, work, confirmed, ""))
    for sender, dispatcher in former_dispatchers(JOB, work):
        ended += dispatcher.follow(confirmed, partial(_end, work, confirmed, sender))
    return {"ended": ended}


def _end(
    work: ChainWork,
    confirmed: int,
    former: str,
    sending: NonceAssignment,
    signed: SignedTransaction,
    outcome: Outcome,
) -> bool:
    withdrawal_id = sending.call.subject if sending.call.purpose == WITHDRAWAL else None
    paying = signed.hash if outcome.succeeded else withdrawal_id and find_payment(withdrawal_id, work, confirmed)
    with work.transaction() as writing:
        nonces = writing.nonces.of(former) if former else writing.nonces
        if not nonces.end(sending, succeeded=outcome.succeeded):
            return False
        if withdrawal_id is None:
            return True
        withdrawal = writing.withdrawals.lock(withdrawal_id)
        if paying:
            complete(withdrawal, paying, writing)
        else:
            fail(withdrawal, "The transaction was reverted.", writing)
    return True
