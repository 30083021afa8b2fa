"""Ask for money of a wallet to be sent to an address."""

from functions.wallet.custody import CustodyWork
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.domain.errors import InsufficientFunds, WalletClosed
from functions.wallet.domain.holds import Hold
from functions.wallet.views import WithdrawalView
from shared import ids
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed
from shared.money import Amount, Currency


class CreateWithdrawal(Request):
    """How much of which wallet goes where."""

    wallet_id: str
    currency: Currency
    amount: Amount
    to_address: str


def create_withdrawal(request: CreateWithdrawal, caller: Caller, work: CustodyWork) -> WithdrawalView:
    """Set the amount aside. Raises Malformed, NotFound, InsufficientFunds, WalletClosed, Unavailable."""
    if request.amount == 0:
        raise Malformed("more than 0", field="amount")
    vault = work.vault
    if request.currency not in vault.currencies:
        raise Malformed(f"one of {', '.join(sorted(vault.currencies))}, which are on this chain", field="currency")
    try:
        to_address = vault.recipient(request.to_address)
    except ValueError as error:
        raise Malformed(str(error), field="to_address") from error
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if not wallet.open:
        raise WalletClosed
    account = work.ledger.lock([wallet.id]).get((wallet.id, request.currency))
    if account is None:
        raise InsufficientFunds
    account.holding(request.amount)
    withdrawal_id, now = work.new_id("wdr"), work.now()
    hold_id = ids.sibling(withdrawal_id, "hld")
    asked = (wallet.id, caller.user_id, request.currency, request.amount)
    work.holds.place([Hold(hold_id, "", *asked, expires_at=now)])
    work.holds.firm([hold_id])  # it ends with the withdrawal, however long that takes
    withdrawal = Withdrawal(withdrawal_id, *asked, to_address, vault.chain_id, hold_id, now, now)
    work.withdrawals.request(withdrawal)
    return WithdrawalView.of(withdrawal)
