"""What happens on a chain, in plain words: blocks, and the transactions of the house's keys."""

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
    """What the chain says of it has not its confirmations yet."""

    code = "NOT_CONFIRMED"


class TooCostly(CallRefused):
    """The call would use up more gas than the house pays for."""

    code = "GAS_LIMIT"


@dataclass(frozen=True, slots=True)
class Place:
    """A block, by its number and hash; before the first one the hash is empty."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Header:
    """A block without what its transactions did.

    parent: the hash of the block before it. bloom: a filter over the addresses and topics of its logs, as a number of
    2048 bits: what is not in it has no log there. transactions: their hashes.
    """

    number: int
    hash: str
    parent: str
    bloom: int
    transactions: tuple[str, ...]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was found in some blocks, and the last one up to which that is all there is; None where that is none."""

    found: Sequence[T]
    reached: Header | None


@dataclass(frozen=True, slots=True)
class Call:
    """What a contract is to do, once: `subject` is what it is for, and no two calls of a key have the same."""

    purpose: str
    subject: str
    to: str
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Fees:
    """What is offered, in wei a unit of gas."""

    maximum: int
    tip: int

    def far_above(self, usual: "Fees") -> bool:
        """Whether more would not help: four times what is usual is offered."""
        return self.maximum > 4 * usual.maximum

    def higher(self, usual: "Fees") -> "Fees":
        """Fees that replace these ones: an eighth more at least (nodes ask for a tenth), or what is usual by now."""
        return Fees(max(usual.maximum, self.maximum * 9 // 8 + 1), max(usual.tip, self.tip * 9 // 8 + 1))


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction of a key's."""

    hash: str
    nonce: int
    raw: bytes
    fees: Fees
    signed_at: datetime
    broadcast: bool = False
    cancels: bool = False
    """Whether it does nothing but use up its nonce, whose call failed for good."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A nonce of a key's, the call that it is for, and what was signed for it, the newest last.

    failed: whether the call was reverted, and that has its confirmations: it is never sent again.
    """

    nonce: int
    call: Call
    transactions: tuple[Signed, ...]
    failed: bool = False

    @property
    def newest(self) -> Signed:
        """The transaction with the highest fees."""
        return self.transactions[-1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction that was mined."""

    succeeded: bool
    block_number: int
