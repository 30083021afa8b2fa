"""Completes or fails withdrawals, once: the hold is captured or released.

Whether a withdrawal was paid is decided by the vault contract alone. A refused or reverted call proves nothing: the
withdrawal may have been paid before.
"""

from functions.wallet.domain.custody import Withdrawal, withdrawal_transfer
from functions.wallet.ports import ChainWork, CustodyWork
from shared.chain.core.values import NotConfirmed
from shared.errors import Contended


def lock_unchanged(withdrawal: Withdrawal, work: CustodyWork) -> Withdrawal:
    """Lock a withdrawal that was read before. Raises Contended when it has changed since."""
    if work.withdrawals.lock(withdrawal.id) != withdrawal:
        raise Contended
    return withdrawal


def end_unsent(withdrawal: Withdrawal, failure: str, work: ChainWork) -> None:
    """End a withdrawal whose payment the chain refuses: complete it if it was paid before, else fail it.

    withdrawal: as it was read. Raises Contended when it has changed since or a transaction for it was signed;
    NotConfirmed, Unavailable.
    """
    paying = find_payment(withdrawal.id, work)
    with work.transaction() as writing:
        before = lock_unchanged(withdrawal, writing)
        if writing.nonces.has_nonce(withdrawal.id):
            raise Contended
        if paying:
            complete(before, paying, writing)
        else:
            fail(before, failure, writing)


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


def complete(withdrawal: Withdrawal, transaction_hash: str, work: CustodyWork) -> None:
    """Complete a locked withdrawal that was paid. One that has ended stays as it is; the audit reports the payment."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    transfer = withdrawal_transfer(withdrawal, work.new_id("trf"), work.now())
    work.ledger.post(transfer, {withdrawal.wallet_id: withdrawal.user_id})
    work.holds.capture(hold, transfer.id)
    if withdrawal.status == "requested":  # it was mined before anybody could record that it was sent
        withdrawal = withdrawal.sent(transaction_hash, work.now())
        work.withdrawals.save(withdrawal)
    work.withdrawals.save(withdrawal.mined(transaction_hash, work.now()))


def fail(withdrawal: Withdrawal, failure: str, work: CustodyWork) -> None:
    """Fail a locked withdrawal, so that its funds are available again. One that has ended is left unchanged."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    work.holds.release([hold], {hold.id: "withdrawal_failed"})
    work.withdrawals.save(withdrawal.failed(failure, work.now()))
