"""Request a withdrawal from a wallet to an address on the chain."""

from functions.wallet.custody_views import WithdrawalView
from functions.wallet.domain.custody import Withdrawal
from functions.wallet.domain.errors import InsufficientFunds, WalletIsClosed
from functions.wallet.domain.holds import Hold
from functions.wallet.ports import CustodyWork, Vault
from functions.wallet.requests import CreateWithdrawal
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Malformed


def create_withdrawal(request: CreateWithdrawal, caller: Caller, work: CustodyWork) -> WithdrawalView:
    """Hold the amount and the fee. Raises Malformed, NotFound, InsufficientFunds, WalletIsClosed, Unavailable."""
    vault = work.vault
    if request.currency not in vault.currencies:
        raise Malformed(
            f"must be one of {', '.join(sorted(vault.currencies))}, which are on this chain", field="currency"
        )
    terms = vault.terms(request.currency)
    if request.amount < terms.minimum:
        raise Malformed(f"must be at least {terms.minimum}", field="amount")
    to_address = _recipient(request, vault, work)
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if not wallet.open:
        raise WalletIsClosed
    account = work.ledger.lock([wallet.id]).get((wallet.id, request.currency))
    if account is None:
        raise InsufficientFunds
    account.holding(request.amount + terms.fee)
    withdrawal_id, now = work.new_id("wdr"), work.now()
    hold_id = ids.sibling(withdrawal_id, "hld")
    requested = (wallet.id, caller.user_id, request.currency, request.amount)
    withdrawal = Withdrawal(withdrawal_id, *requested, to_address, vault.chain_id, hold_id, now, now, terms.fee)
    work.holds.place([Hold(hold_id, "", *requested[:-1], withdrawal.total, expires_at=now)])
    work.holds.firm([hold_id])  # it ends with the withdrawal, not at a time
    work.withdrawals.request(withdrawal)
    return WithdrawalView.of(withdrawal)


def _recipient(request: CreateWithdrawal, vault: Vault, work: CustodyWork) -> str:
    try:
        address = vault.recipient(request.to_address)
    except ValueError as error:
        raise Malformed(str(error), field="to_address") from error
    # A payment to a deposit address of ours is credited again, unless it is below the minimum worth collecting.
    if request.amount < vault.collection_minimum(request.currency) and work.deposits.is_deposit_address(address):
        raise Malformed("is a deposit address of the house, where so little is not collected", field="to_address")
    return address
