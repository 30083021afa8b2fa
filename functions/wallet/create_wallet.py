"""Open a further wallet, for the sign-in address or for another address that the caller proves to own."""

from functions.wallet.domain.wallet import Wallet
from functions.wallet.ports import WalletWork
from functions.wallet.views import Name, WalletView
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed


class CreateWallet(Request):
    """What to call it; a signed EIP-4361 message links another address."""

    name: Name
    message: str | None = None
    signature: str | None = None


def create_wallet(request: CreateWallet, caller: Caller, work: WalletWork) -> WalletView:
    """The new wallet. Raises Malformed, Unauthenticated for a message refused, Refusal ADDRESS_TAKEN, Unavailable."""
    if (request.message is None) != (request.signature is None):
        raise Malformed("message and signature come together", field="signature")
    if request.message is not None and request.signature is not None:
        address, chain_id = work.identity.link(caller.user_id, request.message, request.signature, work.command)
    else:
        default = next(iter(work.wallets.find([], default_of=[caller.user_id])))
        address, chain_id = default.address, default.chain_id
    wallet = Wallet(
        id=work.new_id("wal"),
        user_id=caller.user_id,
        name=request.name,
        address=address,
        chain_id=chain_id,
        status="open",
        is_default=False,
        version=1,
        created_at=work.now(),
        updated_at=work.now(),
    )
    work.wallets.add(wallet, linked=request.message is not None)
    return WalletView.of(wallet)
