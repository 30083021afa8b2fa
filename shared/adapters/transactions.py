"""Transactions with a fee market (EIP-1559, type 2), signed by whichever signer."""

from dataclasses import dataclass
from typing import Final

from shared.adapters.ethereum import keccak
from shared.adapters.signers import Signer

TYPE: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed. Fees are in wei a unit of gas."""

    chain_id: int
    nonce: int
    to: str
    data: bytes
    gas: int
    max_fee: int
    max_tip: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction as the network takes it, and the hash that it goes by there."""

    raw: bytes
    hash: str


def signed(transaction: Transaction, signer: Signer) -> Signed:
    """Sign a transaction. Raises Unavailable."""
    import rlp

    fields = [
        transaction.chain_id,
        transaction.nonce,
        transaction.max_tip,
        transaction.max_fee,
        transaction.gas,
        bytes.fromhex(transaction.to[2:]),
        transaction.value,
        transaction.data,
        [],
    ]
    signature = signer.sign(keccak(TYPE + rlp.encode(fields)))
    r, s, parity = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64] - 27
    raw = TYPE + rlp.encode([*fields, parity, r, s])
    return Signed(raw, "0x" + keccak(raw).hex())
