"""Open a user's default wallet, once."""

from functions.wallet.domain.wallet import Wallet
from functions.wallet.ports import WalletWork
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse


def open_default_wallet(request: OpenDefaultRequest, work: WalletWork) -> OpenDefaultResponse:
    """The user's default wallet, opened when there is none."""
    wallet = Wallet(
        id=work.new_id("wal"),
        user_id=request.user_id,
        name="Default",
        address=request.address,
        chain_id=request.chain_id,
        status="open",
        is_default=True,
        version=1,
        created_at=work.now(),
        updated_at=work.now(),
    )
    return OpenDefaultResponse(wallet_id=work.wallets.open_default(wallet).id)
