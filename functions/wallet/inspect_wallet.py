"""Show anybody's wallet, with what is and was in it, for operators."""

from typing import Final

from functions.wallet.ports import WalletWork
from functions.wallet.views import InspectedWalletView, WalletView
from shared import ids
from shared.contracts.fields import WalletId
from shared.contracts.operations import Request
from shared.errors import NotFound

ENTRIES: Final = 20


class InspectWallet(Request):
    """Which wallet to show."""

    wallet_id: WalletId


def inspect_wallet(request: InspectWallet, work: WalletWork) -> InspectedWalletView:
    """The wallet, its balances with their holds, and its newest entries. Changes nothing. Raises NotFound."""
    found = work.wallets.find([request.wallet_id]) if ids.valid(request.wallet_id, "wal") else []
    if not found:
        raise NotFound("There is no such wallet.")
    return InspectedWalletView(
        wallet=WalletView.of(found[0]),
        balances=work.ledger.balances(request.wallet_id, None),
        entries=list(work.ledger.entries(request.wallet_id, None, ENTRIES)),
    )
