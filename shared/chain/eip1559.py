"""Signs fee-market transactions (EIP-1559, type 2) with any signer."""

from dataclasses import dataclass
from typing import Final

from shared.chain.ethereum import keccak
from shared.chain.signers import Signer

TYPE: Final = b"\x02"


@dataclass(frozen=True, slots=True)
class Eip1559Transaction:
    """An unsigned transaction. Fees are in wei per unit of gas."""

    chain_id: int
    nonce: int
    to: str
    data: bytes
    gas: int
    max_fee: int
    max_tip: int
    value: int = 0


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """A signed transaction in its network encoding, and its hash."""

    raw: bytes
    hash: str


def signed(transaction: Eip1559Transaction, signer: Signer) -> RawTransaction:
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
    return RawTransaction(raw, "0x" + keccak(raw).hex())
