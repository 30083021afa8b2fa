"""Coalesces concurrent reads of one resource, and never returns a read that began before it was requested.

While one read is in flight, all new callers join the next one, which starts when the first has ended, and share its
result. So there is one read at a time, and nobody misses a change from before their call.
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
        self.failed: Exception | None = Unavailable("The reader of this was ended.")


class SingleFlight(Generic[T]):
    """Coalesces the reads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, _Flight[T]] = {}

    def share(self, name: str, look: Callable[[], T]) -> T:
        """The result of a read that began after this call. Raises what that read raises."""
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
        except Exception as error:  # noqa: BLE001 - all callers of this flight get it
            flight.failed = error
        finally:
            with self._lock:
                if self._last.get(name) is flight:
                    del self._last[name]
            flight.landed.set()
