"""Ethereum's addresses and signatures."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from functions.identity.domain.errors import ChainUnavailable, SignatureInvalid
from shared.adapters import ethereum
from shared.errors import Unavailable

if TYPE_CHECKING:
    from shared.adapters.chain import ChainClient


class AccountSignatures:
    """Addresses, and signatures of accounts that have a key, or that are contracts."""

    def __init__(self, chain: Callable[[int], "ChainClient | None"], admit: Callable[[str], None]) -> None:
        """
        chain: a node of a chain; None where there is none, so that contracts on it cannot sign in.
        admit: is told of which address a contract is going to be asked. It raises Limited when that is too often.
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
        from shared.adapters.contract_wallets import vouches

        try:
            vouched = vouches(chain, address, digest, signature)
        except Unavailable as error:
            raise ChainUnavailable from error
        if not vouched:
            raise SignatureInvalid
        return chain_id


def _signer(digest: bytes, signature: bytes) -> str | None:
    """Whose key made a signature; None for one that no account should make."""
    try:
        return ethereum.recover(digest, signature)
    except ethereum.InvalidSignature:
        return None
