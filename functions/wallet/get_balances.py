"""Show what a wallet holds, now or at a past time."""

from datetime import UTC, datetime
from typing import Final

from functions.wallet.ports import WalletWork
from functions.wallet.views import BalancesView
from shared.contracts.operations import Caller, Request, Time
from shared.errors import Malformed

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)


class GetBalances(Request):
    """Whose balances, and at which past time."""

    wallet_id: str
    at: Time | None = None


def get_balances(request: GetBalances, caller: Caller, work: WalletWork) -> BalancesView:
    """Balances and the holds in them, as one consistent picture. Raises NotFound; Malformed for a future time."""
    if request.at is not None and not EARLIEST <= request.at <= work.now():
        raise Malformed("a past time", field="at")
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    return work.ledger.balances(wallet.id, request.at)
