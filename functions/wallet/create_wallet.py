"""Open a further wallet, for the sign-in address or for another address that the caller proves to own."""

from typing import Annotated

import msgspec

from functions.wallet.domain.wallet import Wallet
from functions.wallet.ports import WalletWork
from functions.wallet.views import Name, WalletView
from shared.contracts.fields import Hexadecimal
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed

SignedMessage = Annotated[str, msgspec.Meta(examples=["shop.example wants you to sign in with your Ethereum account:"])]


class CreateWallet(Request):
    """The wallet to open."""

    name: Name
    """What to call it, in a line."""

    message: SignedMessage | None = None
    """An EIP-4361 message of another address, with a nonce of ours, to link that address; without one the wallet has
    the sign-in address.
    """

    signature: Hexadecimal | None = None
    """That address's signature of the message, in hexadecimal."""


def create_wallet(request: CreateWallet, caller: Caller, work: WalletWork) -> WalletView:
    """The new wallet. Raises Malformed, SignInRefused, AddressTaken, ChainUnavailable, Unavailable."""
    if (request.message is None) != (request.signature is None):
        raise Malformed("must come together with message", field="signature")
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
