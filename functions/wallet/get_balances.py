"""Show the balances of a wallet, now or at a past time."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import BalancesView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request, Time, past


class GetBalances(Request):
    """The wallet, and optionally a past time."""

    wallet_id: WalletId
    at: Time | None = None
    """A past time, in RFC 3339 with an offset, to show the balances as they were; now by default."""


def get_balances(request: GetBalances, caller: Caller, work: WalletWork) -> BalancesView:
    """Balances and the holds in them, as one consistent snapshot; expired holds of no order are released first.

    Raises NotFound; Malformed for a future time.
    """
    at = past(request.at, work.now())
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    if at is None:
        work.holds.lapse(wallet.id, work.now())
    return work.ledger.balances(wallet.id, at)
