"""Open a user's default wallet, once."""

from functions.wallet.domain.wallet import Wallet
from functions.wallet.ports import WalletWork
from shared import ids
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.errors import Malformed


def open_default_wallet(request: OpenDefaultRequest, work: WalletWork) -> OpenDefaultResponse:
    """The user's default wallet, opened when there is none. Its id derives from the user's.

    So a sign-in elsewhere need not ask this cell for it. Raises Malformed for a user of another cell: a wallet here
    would be a stray one.
    """
    if ids.cell_of(request.user_id) != work.cell:
        raise Malformed(f"must be a user of the cell {work.cell}", field="user_id")
    wallet = Wallet(
        id=ids.sibling(request.user_id, "wal"),
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
