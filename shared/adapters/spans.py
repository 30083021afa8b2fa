"""How much is asked of a dependency at once: less when it refuses, and more again once it has answered for a while."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from shared.errors import Stopped, Unavailable

GROWN_AFTER: Final = 8
"""So many whole answers in a row, and twice as much is asked for: what is refused costs a question each time."""

T = TypeVar("T")


class Spans:
    """The width of what one dependency answers, kept by all who ask it.

    Providers have many words for a range that is too large (in blocks, results, bytes or seconds), and some have none:
    so that whatever is refused is asked for in halves, down to one, whose refusal is the answer.
    """

    def __init__(self, most: int, refusal: type[Unavailable]) -> None:
        """
        most: the width to begin with, and never to go beyond.
        refusal: what says that it will not answer that; any other Unavailable ends the asking, and less is asked next.
        """
        self._most = most
        self._refusal = refusal
        self._answered = 0
        self.width = most

    def parts(self, first: int, last: int, ask: Callable[[int, int], T]) -> Iterator[T]:
        """The answers for a range, in order, each for a part of it. Raises what `ask` raises."""
        while first <= last:
            end = min(last, first + self.width - 1)
            try:
                answer = ask(first, end)
            except Stopped:
                raise  # nothing was asked
            except Unavailable as error:
                self._shrink(end - first + 1)
                if end > first and isinstance(error, self._refusal):
                    continue
                raise
            self._grow(end - first + 1)
            yield answer
            first = end + 1

    def _shrink(self, asked: int) -> None:
        self.width = max(1, asked // 2)
        self._answered = 0

    def _grow(self, asked: int) -> None:
        self._answered += asked >= self.width
        if self._answered >= GROWN_AFTER:
            self.width = min(self._most, self.width * 2)
            self._answered = 0
