"""Wallets that are contracts, and the factory that deploys them, for tests."""

from typing import Final

from eth_abi import encode

from shared.adapters.contract_wallets import VALID, WRAPPED
from shared.adapters.ethereum import checksum_address, keccak
from tests.chain import LocalChain

FACTORY: Final = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""Deploys by CREATE2 what follows a salt of 32 bytes in its calldata; it is on most chains, and on anvil's."""

SALT: Final = bytes(32)


def answering(word: bytes) -> bytes:
    """The code of a contract that answers every call with some bytes, 32 at most."""
    padded = word.ljust(32, b"\0")
    # PUSH32 word PUSH0 MSTORE PUSH1 length PUSH0 RETURN
    return b"\x7f" + padded + bytes.fromhex("5f52") + bytes([0x60, len(word)]) + bytes.fromhex("5ff3")


def owned_by(owner: str) -> bytes:
    """The code of a wallet that takes the signatures of its owner's key for its own (ERC-1271), and no others."""
    return b"".join(
        bytes.fromhex(part)
        for part in (
            "6004355f52",  # memory[0] = the digest
            "60a43560f81c602052",  # memory[32] = v
            "606435604052",  # memory[64] = r
            "608435606052",  # memory[96] = s
            "6020608060805f60015afa50",  # ecrecover of these 128 bytes to memory[128]
            "608051",
            "73" + owner[2:],
            "14",  # whether it is the owner
            "7f" + VALID.hex(),
            "025f5260205ff3",  # answers VALID, or zero
        )
    )


def reverting() -> bytes:
    """The code of a contract that reverts."""
    return bytes.fromhex("5f5ffd")


def halting() -> bytes:
    """The code of a contract that runs into the invalid instruction."""
    return bytes.fromhex("fe")


def creation(code: bytes) -> bytes:
    """What creates a contract of some code: it returns what follows its own 10 bytes."""
    # PUSH2 size DUP1 PUSH1 10 PUSH0 CODECOPY PUSH0 RETURN
    return b"\x61" + len(code).to_bytes(2) + bytes.fromhex("80600a5f395ff3") + code


def address_of(code: bytes, salt: bytes = SALT) -> str:
    """Where the factory deploys a contract of some code (EIP-1014)."""
    packed = b"\xff" + bytes.fromhex(FACTORY[2:]) + salt + keccak(creation(code))
    return checksum_address("0x" + keccak(packed)[-20:].hex())


def deploy(chain: LocalChain, code: bytes, salt: bytes = SALT) -> str:
    """Deploy a contract of some code; its address."""
    chain.send(FACTORY, salt + creation(code))
    return address_of(code, salt)


def wrapped(signature: bytes, code: bytes, salt: bytes = SALT, factory: str = FACTORY) -> bytes:
    """A signature together with what deploys the wallet that made it (ERC-6492)."""
    return bytes(encode(["address", "bytes", "bytes"], [factory, salt + creation(code), signature])) + WRAPPED
