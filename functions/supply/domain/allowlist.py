"""Allowlists by Merkle root: the standard tree of @openzeppelin/merkle-tree 1.0.

A leaf is keccak256(keccak256(abi.encode(values))): of an address, or of (address, uint256 per-user limit, uint256 unit
price). A node is keccak256 of its two children, the smaller first. Hashing leaves twice keeps a node of 64 bytes from
passing for a leaf.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

WORD: Final = 32
HEIGHT_AT_MOST: Final = 64
"""Of a tree; one of 64 levels would have more leaves than there are grains of sand."""

Hash = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a list says of one address: a per-user limit in place of the phase's (0 leaves that), and a unit price."""

    per_user_limit: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Proof:
    """That an address stands on a list: the hashes from the leaf's sibling up, and what else is in the leaf."""

    hashes: tuple[bytes, ...]
    overrides: Overrides | None = None


def proves(proof: Proof, address: str, root: str, keccak: Hash) -> bool:
    """Whether a proof leads from an address, in any case of its letters, to a root; what does not fit does not.

    root: 0x and 64 hexadecimal digits. keccak: Keccak-256.
    """
    if len(proof.hashes) > HEIGHT_AT_MOST or any(len(each) != WORD for each in proof.hashes):
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
    """abi.encode of a leaf's values: each is a word, numbers and addresses alike (Solidity's ABI, section 3.1)."""
    numbers = (overrides.per_user_limit, overrides.unit_price) if overrides else ()
    return account.rjust(WORD, b"\x00") + b"".join(number.to_bytes(WORD) for number in numbers)
