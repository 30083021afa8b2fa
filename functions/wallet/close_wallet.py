"""Close a wallet."""

from functions.wallet.domain.errors import WalletNotEmpty
from functions.wallet.ports import WalletWork
from shared.contracts.operations import Caller, Request


class CloseWallet(Request):
    """Which wallet to close."""

    wallet_id: str


def close_wallet(request: CloseWallet, caller: Caller, work: WalletWork) -> None:
    """Close an empty wallet; closing it again does nothing. Raises NotFound, WalletNotEmpty, Contended."""
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if not wallet.open:
        return
    accounts = work.ledger.lock([wallet.id])
    if any(account.posted or account.held for account in accounts.values()) or work.escrows.wait_for(wallet.id):
        raise WalletNotEmpty
    work.wallets.save(wallet.closed(at=work.now()))
