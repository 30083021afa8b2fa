"""List the wallets of all users, for operators."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import WalletView
from shared.contracts.fields import UserFilter, WalletFilter
from shared.contracts.operations import Page, PageRequest, page


class BrowseWallets(PageRequest):
    """Which wallets to list; all by default."""

    user_id: UserFilter | None = None
    """Only wallets of this user."""

    wallet_id: WalletFilter | None = None
    """Only this wallet."""


def browse_wallets(request: BrowseWallets, work: WalletWork) -> Page[WalletView]:
    """The wallets of all cells, newest first. Raises Malformed."""
    found = work.wallets.browse(request.user_id, request.after("wal"), request.limit + 1, request.wallet_id)
    return page([WalletView.of(wallet) for wallet in found], request.limit, "id")
