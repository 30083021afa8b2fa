"""Close a wallet."""

from functions.wallet.domain.errors import WalletNotEmpty
from functions.wallet.ports import WalletWork
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request


class CloseWallet(Request):
    """Which wallet to close."""

    wallet_id: WalletId


def close_wallet(request: CloseWallet, caller: Caller, work: WalletWork) -> None:
    """Close an empty wallet to which no supply or order pays out any more; closing it again does nothing.

    Raises NotFound, WalletNotEmpty, Contended, Unavailable.
    """
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if not wallet.open:
        return
    if wallet.is_default:
        raise WalletNotEmpty
    # Called before anything is locked; a reference that is recorded again meanwhile stays.
    ended = work.supplies.ended(work.payouts.of(wallet.id))
    work.wallets.lock(wallet.id)
    work.payouts.drop(ended)
    accounts = work.ledger.lock([wallet.id])
    holds_money = any(account.posted or account.held for account in accounts.values())
    if holds_money or work.escrows.may_still_pay(wallet.id) or work.payouts.of(wallet.id):
        raise WalletNotEmpty
    work.wallets.save(wallet.closed(at=work.now()))
