"""Rename a wallet."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import Name, WalletView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request


class RenameWallet(Request):
    """The wallet, and its new name."""

    wallet_id: WalletId
    name: Name
    """Its new name, in a line."""


def rename_wallet(request: RenameWallet, caller: Caller, work: WalletWork) -> WalletView:
    """The wallet under its new name. Raises NotFound, Contended."""
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id).renamed(request.name, at=work.now())
    work.wallets.save(wallet)
    return WalletView.of(wallet)
