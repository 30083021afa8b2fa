"""Show one of the caller's wallets."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import WalletView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request


class GetWallet(Request):
    """Which wallet to show."""

    wallet_id: WalletId


def get_wallet(request: GetWallet, caller: Caller, work: WalletWork) -> WalletView:
    """The wallet. Raises NotFound."""
    return WalletView.of(work.wallets.get(request.wallet_id, owner=caller.user_id))
