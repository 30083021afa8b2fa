"""Show what a wallet holds, now or at a past time."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import BalancesView
from shared.contracts.operations import Caller, Request, Time, past


class GetBalances(Request):
    """Whose balances, and at which past time."""

    wallet_id: str
    at: Time | None = None


def get_balances(request: GetBalances, caller: Caller, work: WalletWork) -> BalancesView:
    """Balances and the holds in them, as one consistent picture; what was set aside for no order ends with its time.

    Raises NotFound; Malformed for a future time.
    """
    at = past(request.at, work.now())
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if at is None:
        work.holds.lapse(wallet.id, work.now())
    return work.ledger.balances(wallet.id, at)
