"""Allowlists of a few addresses, as standard trees of @openzeppelin/merkle-tree."""

from eth_abi import encode

from shared.chain.ethereum import keccak


def leaf(address: str, *overrides: int) -> bytes:
    """The leaf of (address), or of (address, uint256, uint256)."""
    kinds = ["address", *["uint256"] * len(overrides)]
    return keccak(keccak(encode(kinds, [address, *overrides])))


def list_of(ours: bytes, other: bytes) -> tuple[str, list[str]]:
    """The root of a list of two leaves, and the proof of the first."""
    return f"0x{keccak(b''.join(sorted([ours, other]))).hex()}", [f"0x{other.hex()}"]
