"""How someone proves that an address is theirs: by a signed EIP-4361 message, to sign in with it or to link it."""

from dataclasses import dataclass

from functions.identity.domain.errors import NonceUsed
from functions.identity.domain.siwe import admit, parse, signature_bytes
from functions.identity.ports import IdentityWork


@dataclass(frozen=True, slots=True)
class Proof:
    """An address that someone speaks for.

    contract_chain: the chain of the contract that vouches for it; None where the key of the address signed, which is
    one and the same on every chain.
    """

    address: str
    chain_id: int
    contract_chain: int | None


def prove(text: str, signature: str, work: IdentityWork, command: str = "") -> Proof:
    """Verify a message and its signature, and use its nonce up.

    command: for what, where it may be asked again, with the same nonce: the first answer may have got lost.
    Raises Malformed for what is not an EIP-4361 message, a SignInRefused for one that proves nothing, and Unavailable.
    """
    now = work.now()
    message = parse(text, work.signatures.checksum)
    admit(message, work.site, now)
    signed = signature_bytes(signature)
    expires_at = work.nonces.check(message.nonce, message.address, message.chain_id, now)
    # Used before the signature is looked at, so that one nonce is worth one guess.
    if not work.nonce_uses.consume(message.nonce, expires_at, command):
        raise NonceUsed
    contract_chain = work.signatures.verify(message.address, message.chain_id, text.encode("ascii"), signed)
    return Proof(message.address, message.chain_id, contract_chain)
