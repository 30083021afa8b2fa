"""A service in figures, as operators see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a kind, such as orders, have a status."""

    kind: str
    status: str
    count: int


@dataclass(frozen=True, slots=True)
class Money:
    """What a kind of accounts has together. amount: in atomic units, with its sign, as a decimal string."""

    kind: str
    currency: str
    amount: str


@dataclass(frozen=True, slots=True)
class Stock:
    """The units of a supply that one cell has."""

    supply_id: str
    title: str
    quantity: int
    available: int
    reserved: int
    sold: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker of the service's RPC host: `closed`, `open` or `half_open`."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class CheckedInvariants:
    """What was found when the invariants of a service's data were last checked.

    holding: how many held. violated: the names of the others.
    """

    checked_at: datetime
    holding: int
    violated: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one service.

    unsent_events, unsent_seconds: how many events wait to be published, and for how long the oldest of them has.
    parked_events: how many its consumers could not apply yet. invariants: None where that is not known.
    """

    measured_at: datetime
    counts: Sequence[Count]
    money: Sequence[Money]
    stock: Sequence[Stock]
    breakers: Sequence[Breaker]
    unsent_events: int
    unsent_seconds: float
    parked_events: int
    invariants: CheckedInvariants | None
