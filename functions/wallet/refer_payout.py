"""Record that a supply pays out to a wallet, which cannot be closed while it does."""

from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import ReferPayoutRequest, ReferPayoutResponse
from shared.errors import NotFound


def refer_payout(request: ReferPayoutRequest, work: WalletWork) -> ReferPayoutResponse:
    """The payout wallet, which must be open and belong to the merchant. Raises NotFound.

    The reference is recorded before the supply is created or changed. If that does not happen, the sweep deletes it.
    """
    named, default_of = ([request.wallet_id], []) if request.wallet_id else ([], [request.user_id])
    for wallet in work.wallets.find(named, default_of):
        if wallet.user_id == request.user_id and work.payouts.refer(request.supply_id, wallet.id):
            return ReferPayoutResponse(wallet_id=wallet.id)
    raise NotFound("There is no such wallet to pay out to.")
