"""How a withdrawal ends: paid out of what was set aside for it, or given back, once.

Whether it was paid is the vault's word. A refusal or a revert alone tells nothing: it may have found it paid.
"""

from functions.wallet.custody import ChainWork, CustodyWork
from functions.wallet.domain.custody import Withdrawal, paid_out
from shared.chains import NotConfirmed
from shared.errors import Contended


def unchanged(withdrawal: Withdrawal, work: CustodyWork) -> Withdrawal:
    """A withdrawal as it was read, locked. Raises Contended when it has got further since."""
    if work.withdrawals.lock(withdrawal.id) != withdrawal:
        raise Contended
    return withdrawal


def end_unsent(withdrawal: Withdrawal, failure: str, work: ChainWork) -> None:
    """End a withdrawal, as it was read, that the chain refuses to pay: it was paid before, or it will not be.

    Raises Contended when it has got further since, or a transaction for it was signed; NotConfirmed, Unavailable.
    """
    paying = payment(withdrawal.id, work)
    with work.transaction() as writing:
        before = unchanged(withdrawal, writing)
        if writing.sendings.given(withdrawal.id):
            raise Contended
        if paying:
            complete(before, paying, writing)
        else:
            fail(before, failure, writing)


def payment(withdrawal_id: str, work: ChainWork, number: int | None = None) -> str | None:
    """The hash of the transaction that paid a withdrawal, None where none has.

    number: the block after which the vault is asked, so that a node that lags cannot answer; the latest by default.
    Raises NotConfirmed while that has not its confirmations, Unavailable.
    """
    if not work.vault.paid(withdrawal_id, number):
        return None
    paying = work.vault.payment(withdrawal_id)
    if paying is None:
        raise NotConfirmed
    return paying


def complete(withdrawal: Withdrawal, transaction_hash: str, work: CustodyWork) -> None:
    """The recipient has it. withdrawal: locked. One that has ended stays as it is; the audit tells of the payment."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    transfer = paid_out(withdrawal, work.new_id("trf"), work.now())
    work.ledger.post(transfer, {withdrawal.wallet_id: withdrawal.user_id})
    work.holds.capture(hold, transfer.id)
    if withdrawal.status == "requested":  # it was mined before anybody could record that it was sent
        withdrawal = withdrawal.sent(transaction_hash, work.now())
        work.withdrawals.save(withdrawal)
    work.withdrawals.save(withdrawal.mined(transaction_hash, work.now()))


def fail(withdrawal: Withdrawal, failure: str, work: CustodyWork) -> None:
    """It will not happen: the money is available again. withdrawal: locked. One that has ended stays as it is."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    work.holds.release([hold], {hold.id: "withdrawal_failed"})
    work.withdrawals.save(withdrawal.failed(failure, work.now()))
