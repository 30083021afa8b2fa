"""Track the treasury's transactions until they are confirmed or failed; stuck ones are replaced with higher fees."""

from functools import partial

from functions.wallet.domain.custody import cancelled_by
from functions.wallet.ports import ChainWork
from functions.wallet.treasury_dispatch import CANCEL, WITHDRAWAL, former_dispatchers, treasury_dispatcher
from functions.wallet.withdrawal_completion import end, find_payment
from shared.chain.core.values import ContractCall, NonceAssignment, Outcome, SignedTransaction

JOB = "track_withdrawals"


def track_withdrawals(work: ChainWork) -> dict[str, int]:
    """Follow up on every pending transaction. Returns how many ended. Raises Unavailable: the next run continues.

    The vault contract pays each withdrawal once or cancels it once, however often it is called. One whose transaction
    was reverted, or whose nonce was used otherwise, is cancelled there before it fails.
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
    withdrawal_id = _withdrawal_of(sending.call)
    paying, cancelled = None, False
    if sending.call.purpose == WITHDRAWAL and outcome.succeeded:
        paying = signed.hash
    elif withdrawal_id:
        paying = find_payment(withdrawal_id, work, confirmed)
        cancelled = work.vault.cancelled(withdrawal_id, confirmed)
    with work.transaction() as writing:
        nonces = writing.nonces.of(former) if former else writing.nonces
        if not nonces.end(sending, succeeded=outcome.succeeded):
            return False
        if withdrawal_id and not end(writing.withdrawals.lock(withdrawal_id), paying, cancelled, writing):
            writing.cancellations.request(withdrawal_id, "The transaction was reverted.")
    return True


def _withdrawal_of(call: ContractCall) -> str | None:
    """The withdrawal that a call pays or cancels; None for another one."""
    if call.purpose == CANCEL:
        return cancelled_by(call.subject)
    return call.subject if call.purpose == WITHDRAWAL else None
