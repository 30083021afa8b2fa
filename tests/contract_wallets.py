"""Contract wallets for tests (shared/chain/solidity/Wallets.sol of the tests), and the factory that deploys them.

The code of a contract is always its creation code here, with its constructor's arguments.
"""

from typing import Final

from eth_abi import encode

from shared.chain.contract_wallets import WRAPPED
from shared.chain.ethereum import checksum_address, keccak
from tests.chain import LocalChain
from tests.solidity import creation_code

FACTORY: Final = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Deploys by CREATE2 the code that follows a salt of 32 bytes in its calldata; it is on most chains, and on anvil's."""

SALT: Final = bytes(32)


def fixed_answer(answer: bytes) -> bytes:
    """The code of a contract that answers every call with the same bytes."""
    return creation_code("FixedAnswer", answer)


def owned_wallet(owner: str) -> bytes:
    """The code of a wallet for which the signatures of its owner's key are valid (ERC-1271), and no others."""
    return creation_code("OwnedWallet", owner)


def address_of(code: bytes, salt: bytes = SALT) -> str:
    """The address at which the factory deploys a contract (EIP-1014)."""
    packed = b"\xff" + bytes.fromhex(FACTORY[2:]) + salt + keccak(code)
    return checksum_address("0x" + keccak(packed)[-20:].hex())


def deploy(chain: LocalChain, code: bytes, salt: bytes = SALT) -> str:
    """Deploy a contract by the factory, and return its address."""
    chain.send(FACTORY, salt + code)
    return address_of(code, salt)


def wrapped(signature: bytes, code: bytes, salt: bytes = SALT, factory: str = FACTORY) -> bytes:
    """A signature together with what deploys the wallet that made it (ERC-6492)."""
    return bytes(encode(["address", "bytes", "bytes"], [factory, salt + code, signature])) + WRAPPED
