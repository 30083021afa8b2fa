"""Merchants' own contracts on the stack's chain (MerchantAsset.sol): who controls them, and how they mint, is given."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from tests.chain import LocalChain
from tests.contract_wallets import deploy
from tests.solidity import creation_code

OWNER: Final = bytes.fromhex("8da5cb5b")
"""The selector of owner()."""

HAS_ROLE: Final = bytes.fromhex("91d14854")
"""The selector of hasRole(bytes32,address)."""


@dataclass(frozen=True)
class Minting:
    """How a contract mints. slots: how many words of storage a mint writes, for 22,100 gas each."""

    reverts: bool = False
    slots: int = 0


MINTS: Final = Minting()
REFUSES: Final = Minting(reverts=True)


def merchant_asset(query: bytes, answer: bytes, minting: Minting = MINTS) -> bytes:
    """The code of a contract that answers one query, of a selector, and mints."""
    return creation_code("MerchantAsset", query, answer, minting.reverts, minting.slots)


def owned(owner: str, minting: Minting = MINTS) -> bytes:
    """The code of a contract with this owner() (EIP-173)."""
    return merchant_asset(OWNER, word_of(owner), minting)


def word_of(address: str) -> bytes:
    """An address as one word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


def asset_of(chain: LocalChain, code: bytes, **changes: Any) -> dict[str, Any]:
    """An asset of a newly deployed contract, as in the body of a request."""
    at = deploy(chain, code, secrets.token_bytes(32))
    return {"chain_id": 31337, "contract": at, "token_id": "5", "standard": "ERC-1155", **changes}


def never_minted(chain: LocalChain, owner: str) -> dict[str, Any]:
    """An asset whose contract refuses to mint, so that its claims stay claimed for the length of a test."""
    return asset_of(chain, owned(owner, REFUSES))
