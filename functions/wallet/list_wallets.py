"""List the caller's wallets."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import WalletView
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListWallets(PageRequest):
    """Which wallets to list."""


def list_wallets(request: ListWallets, caller: Caller, work: WalletWork) -> Page[WalletView]:
    """The caller's wallets, newest first."""
    found = work.wallets.browse(caller.user_id, request.after("wal"), request.limit + 1)
    return page([WalletView.of(wallet) for wallet in found], request.limit, "id")
