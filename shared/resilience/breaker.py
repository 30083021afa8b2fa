"""Circuit breakers: a dependency that fails or hangs is left alone for a while, and its callers are told at once.

    closed      calls go through; the last WINDOW_SECONDS of them are judged, once there are CALLS_AT_LEAST
    open        nothing goes through for 5 s, the next time in a row for 10 s, up to 60 s, each with jitter
    half open   PROBES calls go through, and tell whether it closes or opens again; one that never returns gives its
                place free after PROBE_SECONDS

Beside it stands a bulkhead: so many calls at once, and no more, so that a dependency that hangs does not take every
thread of its callers with it. (Record: circuit breakers on external calls, databases and RPC.)
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from shared.errors import Unavailable

log = logging.getLogger(__name__)

State = Literal["closed", "open", "half_open"]

WINDOW_SECONDS: Final = 10.0
CALLS_AT_LEAST: Final = 20
BAD_SHARE: Final = 0.5
OPEN_SECONDS: Final = 5.0
OPEN_AT_MOST_SECONDS: Final = 60.0
JITTER: Final = 0.1
PROBES: Final = 3
PROBE_SECONDS: Final = 10.0


class CircuitOpen(Unavailable):
    """A dependency of this has failed too often just now, and is left alone for a moment."""


class Overloaded(Unavailable):
    """Too many requests wait for a dependency of this."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one dependency is watched."""

    slow_seconds: float
    """A call that takes longer counts as bad, though it succeeds."""

    at_once: int
    """The bulkhead: how many calls may be under way in this process."""


class Breaker:
    """The breaker of one dependency, shared by the threads of a process."""

    def __init__(
        self,
        name: str,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """
        name: the dependency's, for logs and /ready.
        clock: seconds that never run back. dice: numbers in [0, 1), for the jitter.
        """
        self.name = name
        self._policy = policy
        self._clock = clock
        self._dice = dice
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(policy.at_once)
        self._calls: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._state: State = "closed"
        self._period = 0  # grows with every change of state: what a call of an earlier one tells is old news
        self._opened = 0  # times in a row
        self._open_until = 0.0
        self._probes: dict[int, float] = {}
        self._last_probe = 0
        self._proved = 0

    @property
    def state(self) -> State:
        """What a call would meet now."""
        with self._lock:
            return "half_open" if self._state == "open" and self._clock() >= self._open_until else self._state

    @contextmanager
    def guard(self, failures: tuple[type[BaseException], ...] = (Unavailable,)) -> Iterator[None]:
        """Around one call. Raises CircuitOpen or Overloaded without a call, and whatever the call raises.

        failures: what counts as the dependency's failure; anything else it raises is an answer.
        """
        if not self._places.acquire(blocking=False):
            raise Overloaded(f"Too many requests wait for {self.name}.")
        try:
            ticket = self._enter()
            began = self._clock()
            bad = True
            try:
                yield
                bad = False
            except BaseException as error:
                bad = isinstance(error, failures)
                raise
            finally:
                self._leave(ticket, bad or self._clock() - began > self._policy.slow_seconds)
        finally:
            self._places.release()

    def _enter(self) -> tuple[int, int]:
        with self._lock:
            now = self._clock()
            if self._state == "open" and now >= self._open_until:
                self._become("half_open")
            if self._state == "open":
                raise CircuitOpen(f"{self.name} is left alone for a moment.")
            if self._state == "closed":
                return self._period, 0
            self._probes = {probe: until for probe, until in self._probes.items() if until > now}
            if len(self._probes) + self._proved >= PROBES:
                raise CircuitOpen(f"{self.name} is being tried by others.")
            self._last_probe += 1
            self._probes[self._last_probe] = now + PROBE_SECONDS
            return self._period, self._last_probe

    def _leave(self, ticket: tuple[int, int], bad: bool) -> None:
        period, probe = ticket
        with self._lock:
            if period != self._period:
                return
            if self._state == "closed":
                self._judge(bad)
            elif bad:
                self._open()
            elif self._probes.pop(probe, None) is not None:
                self._proved += 1
                if self._proved == PROBES:
                    self._opened = 0
                    self._become("closed")

    def _judge(self, bad: bool) -> None:
        now = self._clock()
        self._calls.append((now, bad))
        self._bad += bad
        while self._calls[0][0] <= now - WINDOW_SECONDS:
            self._bad -= self._calls.popleft()[1]
        if len(self._calls) >= CALLS_AT_LEAST and self._bad >= BAD_SHARE * len(self._calls):
            self._open()

    def _open(self) -> None:
        seconds = min(OPEN_SECONDS * 2**self._opened, OPEN_AT_MOST_SECONDS) * (1 + JITTER * (2 * self._dice() - 1))
        self._opened += 1
        self._open_until = self._clock() + seconds
        self._become("open")

    def _become(self, state: State) -> None:
        log.warning("the breaker of %s is %s", self.name, state)
        self._state = state
        self._period += 1
        self._calls.clear()
        self._bad = 0
        self._probes = {}
        self._proved = 0
