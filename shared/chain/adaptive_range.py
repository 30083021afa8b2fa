"""Adaptive request sizes: ask for less after a refusal, and for more again after a run of successes."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from shared.errors import CallNotPermitted, Unavailable

GROWN_AFTER: Final = 8
"""After so many full-width successes in a row the width is doubled: each refusal costs a request."""

T = TypeVar("T")


class AdaptiveRange:
    """The width of a range that one dependency accepts, shared by all its callers.

    Providers have many error messages for a range that is too large (in blocks, results, bytes or seconds), and some
    have none. So any refused range is halved, down to a single item, whose refusal is final.
    """

    def __init__(self, most: int, refusal: type[Unavailable]) -> None:
        """
        most: the initial and largest width.
        refusal: the error of a refused range; any other Unavailable is raised, and the next range is narrower.
        """
        self._most = most
        self._refusal = refusal
        self._successes = 0
        self.width = most

    def parts(self, first: int, last: int, fetch: Callable[[int, int], T]) -> Iterator[T]:
        """The results for a range, in order, each for a part of it. Raises what `fetch` raises."""
        while first <= last:
            end = min(last, first + self.width - 1)
            try:
                answer = fetch(first, end)
            except CallNotPermitted:
                raise  # nothing was sent
            except Unavailable as error:
                self._shrink(end - first + 1)
                if end > first and isinstance(error, self._refusal):
                    continue
                raise
            self._grow(end - first + 1)
            yield answer
            first = end + 1

    def _shrink(self, width_used: int) -> None:
        self.width = max(1, width_used // 2)
        self._successes = 0

    def _grow(self, width_used: int) -> None:
        self._successes += width_used >= self.width
        if self._successes >= GROWN_AFTER:
            self.width = min(self._most, self.width * 2)
            self._successes = 0
