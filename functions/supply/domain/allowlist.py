"""Allowlists by Merkle root: the standard tree of @openzeppelin/merkle-tree 1.0.

A leaf is keccak256(keccak256(abi.encode(values))): of an address, or of (address, uint256 per-user limit, uint256 unit
price). A node is keccak256 of its two children, the smaller first. Leaves are hashed twice so that an inner node of 64
bytes cannot be passed off as a leaf (second preimage attack).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WORD: Final = 32
MAX_HEIGHT: Final = 64
"""The longest accepted proof; 64 levels are enough for 2^64 leaves."""

Hash = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Overrides:
    """The leaf's own terms for one address: a per-user limit (0: the phase's applies), and a unit price."""

    per_user_limit: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Proof:
    """That an address is on an allowlist: the hashes from the leaf's sibling up, and the leaf's other values."""

    hashes: tuple[bytes, ...]
    overrides: Overrides | None = None


def proves(proof: Proof, address: str, root: str, keccak: Hash) -> bool:
    """Whether a proof leads from an address, in any letter case, to a root; false for malformed input.

    root: 0x and 64 hexadecimal digits. keccak: Keccak-256.
    """
    if len(proof.hashes) > MAX_HEIGHT or any(len(each) != WORD for each in proof.hashes):
        return False
    try:
        account = bytes.fromhex(address.removeprefix("0x"))
    except ValueError:
        return False
    if len(account) != 20:
        return False
    node = keccak(keccak(_leaf(account, proof.overrides)))
    for sibling in proof.hashes:
        node = keccak(min(node, sibling) + max(node, sibling))
    return node == bytes.fromhex(root.removeprefix("0x"))


def _leaf(account: bytes, overrides: Overrides | None) -> bytes:
    """abi.encode of a leaf's values: one 32-byte word each, numbers and addresses alike (Solidity's ABI)."""
    numbers = (overrides.per_user_limit, overrides.unit_price) if overrides else ()
    return account.rjust(WORD, b"\x00") + b"".join(number.to_bytes(WORD) for number in numbers)
