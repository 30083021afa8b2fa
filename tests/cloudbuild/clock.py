"""A clock on which waiting takes no time."""

from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 30, 9, tzinfo=UTC)


class TestClock:
    """Time that passes only when somebody waits."""

    __test__ = False

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
