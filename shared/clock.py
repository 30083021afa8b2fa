"""The clock, as a port: domain code is given times and never reads a clock."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """The present, in UTC."""


class SystemClock:
    """The system clock."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)
