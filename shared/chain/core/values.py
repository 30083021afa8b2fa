"""Value types for chains: blocks, calls, and the transactions of the platform's keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from shared.errors import Refusal

T = TypeVar("T")


class CallRefused(Refusal):
    """The chain would not carry out the call."""

    code = "CALL_REFUSED"


class CallUnknown(CallRefused):
    """The node refuses to say what would become of the call."""

    code = "CALL_UNKNOWN"


class NotConfirmed(Refusal):
    """What the chain says of it does not have its confirmations yet."""

    code = "NOT_CONFIRMED"


class TooCostly(CallRefused):
    """The call would use up more gas than Meridian pays for."""

    code = "GAS_LIMIT"


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A reference to a block by number and hash; the hash is empty before the first block."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header.

    parent: the hash of the block before it. bloom: the bloom filter over the addresses and topics of its logs, as a
    number of 2048 bits. transactions: their hashes.
    """

    number: int
    hash: str
    parent: str
    bloom: int
    transactions: tuple[str, ...]

    @property
    def place(self) -> BlockRef:
        """Its number and hash."""
        return BlockRef(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class ScanResult(Generic[T]):
    """The events found in some blocks, and the last block up to which they are complete; None if there is none."""

    found: Sequence[T]
    reached: Header | None


@dataclass(frozen=True, slots=True)
class ContractCall:
    """A contract call to be executed once. `subject` is the id of what it is for, unique among a key's calls."""

    purpose: str
    subject: str
    to: str
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Fees:
    """The offered fees, in wei per unit of gas."""

    maximum: int
    tip: int

    def far_above(self, usual: "Fees") -> bool:
        """Whether raising the fees would not help: they are four times the market's."""
        return self.maximum > 4 * usual.maximum

    def higher(self, usual: "Fees") -> "Fees":
        """Fees for a replacement: at least an eighth more (nodes require a tenth), or the current market fees."""
        return Fees(max(usual.maximum, self.maximum * 9 // 8 + 1), max(usual.tip, self.tip * 9 // 8 + 1))


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A signed transaction."""

    hash: str
    nonce: int
    raw: bytes
    fees: Fees
    signed_at: datetime
    broadcast: bool = False
    cancels: bool = False
    """Whether it is a cancellation: it only consumes the nonce of a call that failed for good."""


@dataclass(frozen=True, slots=True)
class NonceAssignment:
    """A nonce, the call that it is assigned to, and the transactions signed for it, the newest last.

    failed: whether the call was reverted, with confirmations: it is never sent again.
    """

    nonce: int
    call: ContractCall
    transactions: tuple[SignedTransaction, ...]
    failed: bool = False

    @property
    def newest(self) -> SignedTransaction:
        """The transaction with the highest fees."""
        return self.transactions[-1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a mined transaction."""

    succeeded: bool
    block_number: int
