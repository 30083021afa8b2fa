"""How a withdrawal ends: paid out of what was set aside for it, or given back, once."""

from functions.wallet.custody import CustodyWork
from functions.wallet.domain.custody import Withdrawal, paid_out


def complete(withdrawal: Withdrawal, transaction_hash: str, work: CustodyWork) -> None:
    """The recipient has it. withdrawal: locked."""
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
    """It will not happen: the money is available again. withdrawal: locked."""
    if withdrawal.ended:
        return
    hold = work.holds.lock([withdrawal.hold_id])[withdrawal.hold_id]
    work.holds.release([hold], {hold.id: "withdrawal_failed"})
    work.withdrawals.save(withdrawal.failed(failure, work.now()))
