"""The redemption of vouchers on the chain: transactions, failures, and the retry policy."""

from dataclasses import dataclass
from datetime import timedelta

from shared.chain.core.values import BlockRef


@dataclass(frozen=True, slots=True)
class Redemption:
    """The transaction in which a claim was honoured, and its block."""

    chain_id: int
    transaction_hash: str
    place: BlockRef


@dataclass(frozen=True, slots=True)
class HonouredClaim:
    """A claim that the contract has honoured. key: its key in the contract. recipient: who received the assets."""

    key: bytes
    redemption: Redemption
    recipient: str


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction of the relayer that was stored for sending. ended: whether it was mined and confirmed."""

    sender: str
    nonce: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: a stable code, and a detail for people. final: whether a retry would fail, too."""

    code: str
    detail: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off: how many attempts, the first delay, which doubles each time, and the longest one."""

    attempts: int
    first: timedelta
    longest: timedelta

    def delay(self, failures: int, chance: float) -> timedelta:
        """The delay after so many failures: half of it fixed, half jitter (chance: 0..1)."""
        # Beyond 2**30 it is the longest anyway, and a timedelta would overflow.
        whole: timedelta = min(self.first * 2 ** min(failures - 1, 30), self.longest)
        return whole / 2 * (1 + chance)
