"""Sign in with a signed message; the first time, create a user and a wallet."""

import logging

from functions.identity.address_proof import prove_address
from functions.identity.domain import sessions
from functions.identity.domain.users import User, scopes
from functions.identity.ports import IdentityWork
from functions.identity.views import TokensView
from shared.contracts.operations import Request
from shared.errors import Unavailable

log = logging.getLogger(__name__)


class SignIn(Request):
    """An EIP-4361 message and its signature in hexadecimal: 65 bytes, or whatever a contract wallet expects."""

    message: str
    signature: str


def sign_in(request: SignIn, work: IdentityWork) -> TokensView:
    """Open a session for the user who signed the message.

    Raises Malformed for what is not an EIP-4361 message, a SignInRefused for one that is not accepted, Contended,
    and Unavailable. A sign-in that is cut off is completed by the next one. Away from home it does not need the home:
    the user's wallet was opened by the first sign-in, there.
    """
    proof = prove_address(request.message, request.signature, work)
    now = work.now()
    user = work.users.of_address(proof.address, proof.contract_chain) or work.users.create(
        User(
            id=work.new_id("usr"),
            address=proof.address,
            home_region=work.home_region,
            home_cell=work.home_cell,
            created_at=now,
            contract_chain=proof.contract_chain,
        )
    )
    try:
        work.wallets.open_default(user, proof.chain_id)
    except Unavailable as error:
        if user.home_cell == work.home_cell:
            raise
        log.warning("%s signs in while the cell %s is away: %s", user.id, user.home_cell, error)
    session_id = work.new_id("ses")
    refresh_token = work.refresh_tokens.first(session_id, work.random(sessions.SECRET_BYTES))
    work.sessions.open(sessions.Session.begin(session_id, user.id, refresh_token, now))
    return TokensView(
        access_token=work.access_tokens.issue(user.id, session_id, scopes(work.grants.roles(user)), now),
        expires_in=work.access_tokens.life_seconds,
        refresh_token=refresh_token,
        user_id=user.id,
    )
