"""Issue a nonce, and a message with it that is ready to be signed. Nothing is stored."""

from functions.identity.domain import nonces
from functions.identity.domain.siwe import Message, render
from functions.identity.ports import IdentityWork
from functions.identity.views import NonceView
from shared.contracts.fields import ChainId
from shared.contracts.operations import Address, Request
from shared.errors import Malformed

STATEMENT = "Sign in to Meridian."


class IssueNonce(Request):
    """The address that is going to sign in, and on which chain."""

    address: Address
    """The address that is going to sign in."""

    chain_id: ChainId
    """The chain to sign in for, by its number in EIP-155; one that is served here."""


def issue_nonce(request: IssueNonce, work: IdentityWork) -> NonceView:
    """A nonce for this address and chain alone. Raises Malformed for a bad address, or a chain that is not allowed."""
    try:
        address = work.signatures.checksum(request.address)
    except ValueError as error:
        raise Malformed(str(error), field="address") from error
    if request.chain_id not in work.site.chains:
        raise Malformed(f"must be one of {', '.join(map(str, sorted(work.site.chains)))}", field="chain_id")
    issued_at = work.now().replace(microsecond=0)
    message = Message(
        domain=work.site.domain,
        address=address,
        statement=STATEMENT,
        uri=work.site.url,
        chain_id=request.chain_id,
        nonce=work.nonces.issue(address, request.chain_id, issued_at, work.random(nonces.RANDOM_BYTES)),
        issued_at=issued_at,
        expiration_time=issued_at + nonces.LIFE,
    )
    return NonceView(nonce=message.nonce, message=render(message), expires_at=issued_at + nonces.LIFE)
