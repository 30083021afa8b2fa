"""Contracts of merchants' own, on the stack's chain: they say who controls them, and mint as a test wants it.

None of them is compiled: a few instructions say more than a compiler that tests would have to bring.
"""

import secrets
from typing import Any, Final

from tests.chain import LocalChain
from tests.contract_wallets import deploy, reverting

MINTS: Final = bytes.fromhex("00")
"""Code that ends well, and does nothing: STOP."""

REFUSES: Final = reverting()

OWNER: Final = bytes.fromhex("8da5cb5b")
"""The selector of owner()."""

HAS_ROLE: Final = bytes.fromhex("91d14854")
"""The selector of hasRole(bytes32,address)."""

OFFSET: Final = 16
"""Where stands what a contract does when it is not asked its one question."""


def contract(otherwise: bytes, selector: bytes, answer: bytes) -> bytes:
    """The code of a contract that answers one question with some bytes, 32 at most, and else does something."""
    # PUSH0 CALLDATALOAD PUSH1 224 SHR PUSH4 selector EQ PUSH2 target JUMPI
    target = OFFSET + len(otherwise)
    asked = bytes.fromhex("5f3560e01c63") + selector + bytes.fromhex("1461") + target.to_bytes(2) + bytes.fromhex("57")
    # JUMPDEST PUSH32 answer PUSH0 MSTORE PUSH1 length PUSH0 RETURN
    told = bytes.fromhex("5b7f") + answer.ljust(32, b"\0") + bytes.fromhex("5f5260") + bytes([len(answer)])
    return asked.ljust(OFFSET, b"\x5b") + otherwise + told + bytes.fromhex("5ff3")


def owned(owner: str, mint: bytes = MINTS) -> bytes:
    """The code of a contract whose owner() is somebody (EIP-173)."""
    return contract(mint, OWNER, word_of(owner))


def burning(slots: int) -> bytes:
    """What writes so many words to storage, of 22,100 gas each, for `contract`."""
    # PUSH2 slots JUMPDEST DUP1 DUP1 SSTORE PUSH1 1 SWAP1 SUB DUP1 PUSH2 back JUMPI STOP
    back = OFFSET + 3
    return bytes.fromhex(f"61{slots:04x}5b8080556001900380" + f"61{back:04x}5700")


def word_of(address: str) -> bytes:
    """An address as one word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\0")


def asset_of(chain: LocalChain, code: bytes, **changes: Any) -> dict[str, Any]:
    """An asset of a new contract of some code, as a merchant names it."""
    at = deploy(chain, code, secrets.token_bytes(32))
    return {"chain_id": 31337, "contract": at, "token_id": "5", "standard": "ERC-1155", **changes}


def never_minted(chain: LocalChain, owner: str) -> dict[str, Any]:
    """An asset of somebody's whose contract refuses to mint: what is claimed of it stays so until a test is done."""
    return asset_of(chain, owned(owner, REFUSES))
