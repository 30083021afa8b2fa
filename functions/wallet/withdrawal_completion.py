"""Completes or fails withdrawals, once: the hold is captured or released.

Whether a withdrawal was paid is decided by the vault contract alone. A refused or reverted call proves nothing: the
withdrawal may have been paid before, or be paid by a transaction that somebody still has. So one fails only once the
contract has cancelled its payment, as deep below the chain's head as a payment has to be.
"""

from functions.wallet.domain.custody import Cancellation, Withdrawal, withdrawal_transfer
from functions.wallet.domain.holds import Capture
from functions.wallet.ports import ChainWork, CustodyWork
from shared.chain.core.values import NotConfirmed
from shared.errors import Contended

CANCELLED_ELSEWHERE = "The payment was cancelled."
"""Why a withdrawal failed that nobody here has wanted to fail."""


def lock_payable(withdrawal: Withdrawal, work: CustodyWork) -> None:
    """Lock a withdrawal that was read before. Raises Contended when it has changed since, or is to fail."""
    if work.withdrawals.lock(withdrawal.id) != withdrawal or work.cancellations.failure(withdrawal.id) is not None:
        raise Contended


def end_refused(withdrawal: Withdrawal, failure: str, work: ChainWork) -> None:
    """End a withdrawal whose payment the chain refuses: complete it if it was paid before, else have it fail.

    withdrawal: as it was read. Raises Contended when it has changed since or a transaction for it was signed;
    NotConfirmed, Unavailable.
    """
    paying = find_payment(withdrawal.id, work)
    with work.transaction() as writing:
        lock_payable(withdrawal, writing)
        if writing.nonces.has_nonce(withdrawal.id):
            raise Contended
        if paying:
            complete(withdrawal, paying, writing)
        else:
            writing.cancellations.request(withdrawal.id, failure)


def end_uncancelled(cancellation: Cancellation, work: ChainWork) -> bool:
    """End a withdrawal whose payment the vault does not cancel; false if that has no reason that would end it.

    Raises NotConfirmed while its payment or cancellation lacks confirmations; Unavailable.
    """
    withdrawal = cancellation.withdrawal
    paying = find_payment(withdrawal.id, work)
    cancelled = find_cancellation(withdrawal.id, work)
    with work.transaction() as writing:
        return end(writing.withdrawals.lock(withdrawal.id), paying, cancelled, writing)


def end(withdrawal: Withdrawal, paying: str | None, cancelled: bool, work: CustodyWork) -> bool:
    """End a locked withdrawal as the vault has decided. Returns whether it has: its payment was made or cancelled.

    paying: the hash of the confirmed transaction that paid it. cancelled: whether it was cancelled, with confirmations.
    """
    if paying:
        complete(withdrawal, paying, work)
    elif cancelled:
        fail(withdrawal, work.cancellations.failure(withdrawal.id) or CANCELLED_ELSEWHERE, work)
    return bool(paying) or cancelled


def find_payment(withdrawal_id: str, work: ChainWork, number: int | None = None) -> str | None:
    """The hash of the transaction that paid a withdrawal; None if none has.

    number: the block as of which the vault is queried, so that a lagging node cannot answer; the latest by default.
    Raises NotConfirmed while the payment lacks confirmations; Unavailable.
    """
    if not work.vault.paid(withdrawal_id, number):
        return None
    paying = work.vault.payment(withdrawal_id)
    if paying is None:
        raise NotConfirmed
    return paying


def find_cancellation(withdrawal_id: str, work: ChainWork) -> bool:
    """Whether the vault has cancelled the payment of a withdrawal.

    Raises NotConfirmed while the cancellation lacks confirmations; Unavailable.
    """
    if not work.vault.cancelled(withdrawal_id):
        return False
    if not work.vault.cancelled(withdrawal_id, work.vault.head() - work.vault.confirmations):
        raise NotConfirmed
    return True


def complete(withdrawal: Withdrawal, transaction_hash: str, work: CustodyWork) -> None:
    """Complete a locked withdrawal that was paid. One that has ended stays as it is; the audit reports the payment."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    transfer = withdrawal_transfer(withdrawal, work.new_id("trf"), work.now())
    work.ledger.post(transfer, {withdrawal.wallet_id: withdrawal.user_id})
    work.holds.capture([Capture(hold, transfer.id, hold.amount)])
    if withdrawal.status == "requested":  # it was mined before anybody could record that it was sent
        withdrawal = withdrawal.sent(transaction_hash, work.now())
        work.withdrawals.save(withdrawal)
    work.withdrawals.save(withdrawal.mined(transaction_hash, work.now()))


def fail(withdrawal: Withdrawal, failure: str, work: CustodyWork) -> None:
    """Fail a locked withdrawal that cannot be paid any more: its funds are available again.

    One that has ended is left unchanged.
    """
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    work.holds.release([hold], {hold.id: "withdrawal_failed"})
    work.withdrawals.save(withdrawal.failed(failure, work.now()))
