"""Spaces writes evenly: Cloud Run admits so many a minute in a region, and refuses more."""

import threading
import time
from collections.abc import Callable


class Throttle:
    """Lets one caller through per interval, in any number of threads."""

    def __init__(
        self,
        per_minute: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """per_minute: how many writes may begin a minute."""
        self._interval = 60.0 / per_minute
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = monotonic()

    def wait(self) -> None:
        """Wait for a turn."""
        with self._lock:
            now = self._monotonic()
            turn = max(self._next, now)
            self._next = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
