"""Verifies that a user controls an address, by a signed EIP-4361 message, in order to sign in with it or to link it."""

from dataclasses import dataclass

from functions.identity.domain.errors import NonceUsed
from functions.identity.domain.siwe import admit, parse, signature_bytes
from functions.identity.ports import IdentityWork


@dataclass(frozen=True, slots=True)
class AddressProof:
    """A proven address.

    contract_chain: the chain of the contract wallet that verified the signature; None if the key of the address signed,
    which is the same on every chain.
    """

    address: str
    chain_id: int
    contract_chain: int | None


def prove_address(text: str, signature: str, work: IdentityWork, command: str = "") -> AddressProof:
    """Verify a message and its signature, and consume its nonce.

    command: identifies a request that may be retried with the same nonce, because its response may have been lost.
    Raises Malformed for what is not an EIP-4361 message, a SignInRefused for one that proves nothing, and Unavailable.
    """
    now = work.now()
    message = parse(text, work.signatures.checksum)
    admit(message, work.site, now)
    signed = signature_bytes(signature)
    expires_at = work.nonces.check(message.nonce, message.address, message.chain_id, now)
    # Consumed before the signature is verified, so that each nonce allows one attempt.
    if not work.nonce_uses.consume(message.nonce, expires_at, command):
        raise NonceUsed
    contract_chain = work.signatures.verify(message.address, message.chain_id, text.encode("ascii"), signed)
    return AddressProof(message.address, message.chain_id, contract_chain)
