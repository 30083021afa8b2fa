"""Waiting for what comes by itself, with a deadline."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

LOOK_SECONDS: Final = 0.05
WITHIN_SECONDS: Final = 30.0


def until(look: Callable[[], T], done: Callable[[T], bool], within_seconds: float = WITHIN_SECONDS) -> T:
    """Look until what is seen is as wanted, and return it. Raises TimeoutError with what was seen instead."""
    deadline = time.monotonic() + within_seconds
    while True:
        seen = look()
        if done(seen):
            return seen
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {within_seconds} s it is still {seen}")
        time.sleep(LOOK_SECONDS)
