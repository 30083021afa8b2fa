"""Deadlines that propagate along the call path, so that no work is done for a caller that has given up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.errors import Unavailable

_until: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """Run a block for a caller that waits so long; nested deadlines can only be shorter.

    seconds: None for a caller that waits for ever.
    """
    before = _until.get()
    until = None if seconds is None else time.monotonic() + seconds
    token = _until.set(min((end for end in (before, until) if end is not None), default=None))
    try:
        yield
    finally:
        _until.reset(token)


def time_for(seconds: float) -> float:
    """The timeout of a call: `seconds`, or less if the caller's deadline is nearer.

    Raises Unavailable when no time is left.
    """
    left = time_left(seconds)
    if left <= 0:
        raise Unavailable("No time is left for this.")
    return left


def time_left(seconds: float) -> float:
    """The same for a call that is made in any case; zero or negative if no time is left."""
    until = _until.get()
    return seconds if until is None else min(seconds, until - time.monotonic())
