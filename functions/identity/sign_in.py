"""Sign in with a signed message; the first time, create a user and a wallet."""

from typing import Annotated

import msgspec

from functions.identity.address_proof import prove_address
from functions.identity.ports import IdentityWork
from functions.identity.session_opening import open_session
from functions.identity.views import SIGN_IN_MESSAGE, TokensView
from shared.contracts.fields import Hexadecimal
from shared.contracts.operations import Request


class SignIn(Request):
    """A signed message."""

    message: Annotated[str, msgspec.Meta(examples=[SIGN_IN_MESSAGE])]
    """An EIP-4361 message with a nonce of ours, byte for byte as it was signed."""

    signature: Hexadecimal
    """Its signature in hexadecimal: 65 bytes, or whatever a contract wallet expects."""


def sign_in(request: SignIn, work: IdentityWork) -> TokensView:
    """Open a session for the user who signed the message.

    Raises Malformed for what is no EIP-4361 message, a SignInRefused for one that is not accepted, ChainUnavailable,
    Contended, and Unavailable. A sign-in that is cut off is completed by the next one.
    """
    proof = prove_address(request.message, request.signature, work)
    return open_session(proof.address, proof.chain_id, proof.contract_chain, work)
