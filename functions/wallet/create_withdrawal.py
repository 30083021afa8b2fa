"""Ask for money of a wallet to be sent to an address."""

from functions.wallet.custody import CustodyWork, Vault
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.domain.errors import InsufficientFunds, WalletClosed
from functions.wallet.domain.holds import Hold
from functions.wallet.views import WithdrawalView
from shared import ids
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed
from shared.money import Amount, Currency


class CreateWithdrawal(Request):
    """How much of which wallet goes where; the fee is taken beside it."""

    wallet_id: str
    currency: Currency
    amount: Amount
    to_address: str


def create_withdrawal(request: CreateWithdrawal, caller: Caller, work: CustodyWork) -> WithdrawalView:
    """Set amount and fee aside. Raises Malformed, NotFound, InsufficientFunds, WalletClosed, Unavailable."""
    vault = work.vault
    if request.currency not in vault.currencies:
        raise Malformed(f"one of {', '.join(sorted(vault.currencies))}, which are on this chain", field="currency")
    terms = vault.terms(request.currency)
    if request.amount < terms.least:
        raise Malformed(f"at least {terms.least}", field="amount")
    to_address = _recipient(request, vault, work)
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if not wallet.open:
        raise WalletClosed
    account = work.ledger.lock([wallet.id]).get((wallet.id, request.currency))
    if account is None:
        raise InsufficientFunds
    account.holding(request.amount + terms.fee)
    withdrawal_id, now = work.new_id("wdr"), work.now()
    hold_id = ids.sibling(withdrawal_id, "hld")
    asked = (wallet.id, caller.user_id, request.currency, request.amount)
    withdrawal = Withdrawal(withdrawal_id, *asked, to_address, vault.chain_id, hold_id, now, now, terms.fee)
    work.holds.place([Hold(hold_id, "", *asked[:-1], withdrawal.total, expires_at=now)])
    work.holds.firm([hold_id])  # it ends with the withdrawal, however long that takes
    work.withdrawals.request(withdrawal)
    return WithdrawalView.of(withdrawal)


def _recipient(request: CreateWithdrawal, vault: Vault, work: CustodyWork) -> str:
    try:
        address = vault.recipient(request.to_address)
    except ValueError as error:
        raise Malformed(str(error), field="to_address") from error
    # What comes to a deposit address of ours is credited there, unless it is too little to be fetched.
    if request.amount < vault.least(request.currency) and work.deposits.handed_out(address):
        raise Malformed("a deposit address of ours, where so little is not fetched", field="to_address")
    return address
