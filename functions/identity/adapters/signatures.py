"""Ethereum addresses and signatures."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from functions.identity.domain.errors import ChainUnavailable, SignatureInvalid
from shared.chain import ethereum
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.chain.node import ChainClient


class EthereumSignatures:
    """Verifies signatures of accounts that have a key, and of contract wallets."""

    def __init__(self, chain: Callable[[int], "ChainClient | None"], admit: Callable[[str], None]) -> None:
        """
        chain: returns a client of a chain's node, or None if none is configured: contracts on it cannot sign in.
        admit: counts a call of the contract at an address. It raises Limited when there are too many.
        """
        self._chain = chain
        self._admit = admit

    def checksum(self, address: str) -> str:
        return ethereum.canonical_address(address)

    def verify(self, address: str, chain_id: int, message: bytes, signature: bytes) -> int | None:
        digest = ethereum.personal_digest(message)
        if _signer(digest, signature) == address:
            return None
        chain = self._chain(chain_id)
        if chain is None:
            raise SignatureInvalid
        self._admit(address)
        from shared.chain.contract_wallets import is_valid_signature

        try:
            vouched = is_valid_signature(chain, address, digest, signature)
        except Unavailable as error:
            raise ChainUnavailable from error
        if not vouched:
            raise SignatureInvalid
        return chain_id


def _signer(digest: bytes, signature: bytes) -> str | None:
    """The address whose key made a signature; None for an invalid one."""
    try:
        return ethereum.recover(digest, signature)
    except ethereum.InvalidSignature:
        return None
