"""Polling for an expected state, with a deadline: what the demo and the tests wait with."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

POLL_SECONDS: Final = 0.05
WITHIN_SECONDS: Final = 30.0


def until(
    look: Callable[[], T],
    done: Callable[[T], bool],
    within_seconds: float = WITHIN_SECONDS,
    poll_seconds: float = POLL_SECONDS,
) -> T:
    """Call `look` until `done` accepts what it returns, and return that. Raises TimeoutError with the last value."""
    deadline = time.monotonic() + within_seconds
    while True:
        seen = look()
        if done(seen):
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {within_seconds} s it is still {seen}")
        time.sleep(poll_seconds)
