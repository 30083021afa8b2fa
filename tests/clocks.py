"""Clocks for tests: one that stands still, and one that is ahead of or behind the machine's."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 11, 23, 7, 30, 15, 250_000, tzinfo=UTC)


@dataclass
class FakeClock:
    """A clock that stands still until the test advances it."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **duration: float) -> None:
        """Let time pass, as in `pass_by(seconds=3)`."""
        self.moment += timedelta(**duration)


@dataclass(frozen=True)
class ShiftedClock:
    """The machine's clock, shifted by a duration."""

    by: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by
