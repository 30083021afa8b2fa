"""Sign in with a signed message; the first time, become a user with a wallet."""

from functions.identity.domain import sessions
from functions.identity.domain.errors import NonceUsed
from functions.identity.domain.siwe import admit, parse, signature_bytes
from functions.identity.domain.users import User, scopes
from functions.identity.ports import IdentityWork
from functions.identity.views import TokensView
from shared.contracts.operations import Request


class SignIn(Request):
    """An EIP-4361 message and its signature: 0x and 65 bytes in hexadecimal."""

    message: str
    signature: str


def sign_in(request: SignIn, work: IdentityWork) -> TokensView:
    """Open a session for whoever signed the message.

    Raises Malformed for what is not an EIP-4361 message, a SignInRefused for one that does not let its sender in,
    Contended, and Unavailable. A sign-in that ends in between leaves nothing that the next one does not complete.
    """
    now = work.now()
    message = parse(request.message, work.signatures.checksum)
    admit(message, work.site, now)
    signature = signature_bytes(request.signature)
    expires_at = work.nonces.check(message.nonce, message.address, message.chain_id, now)
    # Used before the signature is looked at, so that one nonce is worth one guess.
    if not work.nonce_uses.consume(message.nonce, expires_at):
        raise NonceUsed
    work.signatures.verify(message.address, message.chain_id, request.message.encode("ascii"), signature)
    user = work.users.of_address(message.address) or work.users.create(
        User(
            id=work.new_id("usr"),
            address=message.address,
            home_region=work.home_region,
            home_cell=work.home_cell,
            created_at=now,
        )
    )
    work.wallets.open_default(user.id, user.address, message.chain_id)
    session_id = work.new_id("ses")
    refresh_token = work.refresh_tokens.first(session_id, work.random(sessions.SECRET_BYTES))
    work.sessions.open(sessions.Session.begin(session_id, user.id, refresh_token, now))
    return TokensView(
        access_token=work.access_tokens.issue(user.id, session_id, scopes(work.grants.roles(user)), now),
        expires_in=work.access_tokens.life_seconds,
        refresh_token=refresh_token,
        user_id=user.id,
    )
