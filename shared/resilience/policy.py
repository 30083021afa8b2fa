"""What a circuit breaker is told, and what it tells."""

from typing import Literal

import msgspec

State = Literal["closed", "open", "half_open"]


class Policy(msgspec.Struct, frozen=True):
    """The timeout, breaker and bulkhead settings of one dependency."""

    timeout_seconds: float
    """The timeout of one call; less, if the caller's own deadline is nearer."""

    slow_seconds: float
    """A call that takes longer counts as bad even if it succeeds."""

    late_seconds: float
    """A call that is in flight for longer is late: it may hang."""

    at_once: int
    """The bulkhead: how many calls may be in flight in this process."""

    wait_seconds: float = 0.0
    """How long a call waits for a place in it."""
    open_at_most_seconds: float | None = None


class BreakerSnapshot(msgspec.Struct, frozen=True):
    """A breaker's state and counts since the process began; `refused` calls were never made."""

    name: str
    state: State
    calls: int
    failures: int
    refused: int
    under_way: int
    places: int
    """The bulkhead: how many may be under way."""
