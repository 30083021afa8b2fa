"""Many who ask for one thing at once share a few looks at it, and none is given a look that began before they asked.

While one look at a thing is under way, all who come board the next; that begins when the first has ended, and they
share what it brings. So there is one look at a time, and nobody misses what happened before they came.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.errors import Unavailable

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self, before: "_Flight[T] | None") -> None:
        self.before = before
        self.closed = False
        self.landed = threading.Event()
        self.brought: T | None = None
        self.failed: Exception | None = Unavailable("Whoever asked for this was ended.")


class Flights(Generic[T]):
    """The looks of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, _Flight[T]] = {}

    def share(self, name: str, look: Callable[[], T]) -> T:
        """What a look at a thing brings that began after this was called. Raises what that look raises."""
        with self._lock:
            flight = self._last.get(name)
            leads = flight is None or flight.closed
            if flight is None or leads:
                flight = self._last[name] = _Flight(flight)
        if leads:
            self._fly(name, flight, look)
        flight.landed.wait()
        if flight.failed is not None:
            raise flight.failed
        return flight.brought  # type: ignore[return-value]

    def _fly(self, name: str, flight: _Flight[T], look: Callable[[], T]) -> None:
        if flight.before is not None:
            flight.before.landed.wait()
            flight.before = None
        with self._lock:
            flight.closed = True
        try:
            flight.brought = look()
            flight.failed = None
        except Exception as error:  # noqa: BLE001 - all who boarded are told
            flight.failed = error
        finally:
            with self._lock:
                if self._last.get(name) is flight:
                    del self._last[name]
            flight.landed.set()
