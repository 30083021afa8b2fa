"""How the house redeems vouchers: in which transaction that happened, and how often it is tried."""

from dataclasses import dataclass
from datetime import timedelta

from shared.chains import Place


@dataclass(frozen=True, slots=True)
class Redemption:
    """What the chain says: in which transaction a claim was honoured, and in which block that is."""

    chain_id: int
    transaction_hash: str
    place: Place


@dataclass(frozen=True, slots=True)
class Honoured:
    """A claim that the contract tells of, by its key there, and whom it handed out to."""

    key: bytes
    redemption: Redemption
    recipient: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction of the house's that was stored to be sent. ended: whether it was mined, and confirmed."""

    sender: str
    nonce: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt came to nothing: a stable code, and a detail for people. final: another would as well."""

    code: str
    detail: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a redemption is tried, and how far apart: each time twice as long, up to a longest."""

    attempts: int
    first: timedelta
    longest: timedelta

    def delay(self, failures: int, chance: float) -> timedelta:
        """How long to wait after so many failures: half of it certain, half by chance (0..1)."""
        # Beyond 2**30 it is the longest anyway, and a timedelta would overflow.
        whole: timedelta = min(self.first * 2 ** min(failures - 1, 30), self.longest)
        return whole / 2 * (1 + chance)
