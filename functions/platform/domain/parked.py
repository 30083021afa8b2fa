"""Events that consumers could not apply, and their release."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream with parked events: why its next event could not be applied, and how many wait behind it.

    type, event_id: None if the next event has not arrived yet.
    """

    consumer: str
    stream: str
    events: int
    version: int
    type: str | None
    event_id: str | None
    reason: str
    error: str | None
    attempts: int
    since: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class RedriveResult:
    """The released streams, the number of events parked in them, and the number of streams still parked."""

    streams: Sequence[str]
    events: int
    left: int

    def __add__(self, other: "RedriveResult") -> "RedriveResult":
        """Both results combined."""
        return RedriveResult([*self.streams, *other.streams], self.events + other.events, self.left + other.left)
