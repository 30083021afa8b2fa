"""Circuit breakers: a dependency that fails or hangs is left alone for a while, and its callers are told at once.

    closed      calls go through; the last WINDOW_SECONDS of them are judged, once there are CALLS_AT_LEAST
    open        nothing goes through for 5 s, the next time in a row for 10 s, up to 60 s, each with jitter
    half open   PROBES calls go through, and tell whether it closes or opens again; one that never returns gives its
                place free after PROBE_SECONDS

Beside it stands a bulkhead: so many calls at once, a short wait for a place, and no more, so that a dependency that
hangs does not take every thread of its callers with it. Calls that hang do not end, so that the window would go on
telling of the good ones before them: HUNG_CALLS that are late, and no answer to any meanwhile, open it as well.
(Record: circuit breakers on external calls, databases and RPC.)
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Self

from shared.errors import Unavailable
from shared.resilience.deadline import time_for

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
HUNG_CALLS: Final = 8
FIRST_SHARE: Final = 0.75
"""How much of its time a call may take without being late while nothing was ever answered: connections are made."""

LOOK_SECONDS: Final = 0.25
"""How often who waits for a place looks, and between which looks it must hang on: the process itself may stall."""


class Stopped(Unavailable):
    """A dependency of this was not called."""

    def __init__(self, detail: str | None = None, wait_seconds: float = 1.0) -> None:
        """wait_seconds: how long until it is worth another try."""
        super().__init__(detail)
        self.wait_seconds = wait_seconds


class CircuitOpen(Stopped):
    """A dependency of this has failed too often just now, and is left alone for a moment."""


class Overloaded(Stopped):
    """Too many requests wait for a dependency of this."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one dependency is called and watched."""

    timeout_seconds: float
    """How long one call may take; less, where the caller's own deadline is nearer."""

    slow_seconds: float
    """A call that takes longer counts as bad, though it succeeds."""

    late_seconds: float
    """A call that is under way for longer is late: it may hang."""

    at_once: int
    """The bulkhead: how many calls may be under way in this process."""

    wait_seconds: float = 0.0
    """How long a call waits for a place in it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a breaker tells of itself. Counts are since the process began; `refused` calls were never made."""

    name: str
    state: State
    calls: int
    failures: int
    refused: int
    under_way: int


class Call:
    """One call of a dependency, from its entry to its end: what `with breaker.guard() as call` gives."""

    __slots__ = ("_breaker", "_failures", "bad", "period", "probe", "since")

    def __init__(self, breaker: "Breaker", failures: tuple[type[BaseException], ...]) -> None:
        self._breaker = breaker
        self._failures = failures
        self.bad = False
        self.period = 0
        self.probe = 0
        self.since: float | None = None
        """Since when the dependency is being asked; None while it is not."""

    def blame(self) -> None:
        """The dependency failed, whatever the call raises."""
        self.bad = True

    def ask(self) -> None:
        """The dependency is asked something from now on."""
        self.since = self._breaker.clock()

    def told(self) -> None:
        """It has answered: what its caller does until the next ask is not its time."""
        if self.since is not None:
            self.bad |= self._breaker.clock() - self.since > self._breaker.policy.slow_seconds
            self.since = None

    def __enter__(self) -> Self:
        self._breaker.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.told()
        self.bad |= isinstance(error, self._failures) and not isinstance(error, Stopped)
        self._breaker.leave(self)


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
        self.policy = policy
        self.clock = clock
        self._dice = dice
        self._changed = threading.Condition(threading.Lock())
        self._under_way: dict[Call, None] = {}
        self._good_at: float | None = None
        self._late_at: float | None = None
        self._calls: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._state: State = "closed"
        self._period = 0  # grows with every change of state: what a call of an earlier one tells is old news
        self._opened = 0  # times in a row
        self._open_until = 0.0
        self._probes: dict[int, float] = {}
        self._last_probe = 0
        self._proved = 0
        self._totals = [0, 0, 0]

    @property
    def state(self) -> State:
        """What a call would meet now."""
        with self._changed:
            return self._now_state()

    def read(self) -> Reading:
        """Its state and its counts."""
        with self._changed:
            calls, failures, refused = self._totals
            return Reading(self.name, self._now_state(), calls, failures, refused, len(self._under_way))

    def guard(self, failures: tuple[type[BaseException], ...] = (Unavailable,)) -> Call:
        """Around one call. Raises CircuitOpen or Overloaded without a call, and whatever the call raises.

        failures: what counts as the dependency's failure; anything else it raises is an answer.
        """
        return Call(self, failures)

    def enter(self, call: Call) -> None:
        """Let a call in. Raises CircuitOpen, Overloaded, and Unavailable when its caller has no time to wait."""
        with self._changed:
            now = self.clock()
            if self._state == "closed":
                self._look(now)
                if len(self._under_way) >= self.policy.at_once:
                    now = self._wait(now)
            if self._state != "closed":
                call.probe = self._admit_probe(now)
            call.period = self._period
            call.since = now
            self._under_way[call] = None
            self._totals[0] += 1

    def leave(self, call: Call) -> None:
        """A call is over, and was bad or not."""
        with self._changed:
            del self._under_way[call]
            now = self.clock()
            if call.bad:
                self._totals[1] += 1
            else:
                self._good_at, self._late_at = now, None
            if call.period == self._period:
                if self._state == "closed":
                    self._judge(call.bad, now)
                else:
                    self._weigh(call)
            self._changed.notify()

    def _wait(self, now: float) -> float:
        """Wait for a place, or until it opens; the time then. Raises Overloaded, Unavailable."""
        until = now + (time_for(self.policy.wait_seconds) if self.policy.wait_seconds else 0.0)
        while self._state == "closed" and len(self._under_way) >= self.policy.at_once:
            self._look(now)
            if self._state != "closed":
                break
            if now >= until:
                raise self._refused(Overloaded(f"Too many requests wait for {self.name}."))
            self._changed.wait(min(until - now, LOOK_SECONDS))
            now = self.clock()
        return now

    def _look(self, now: float) -> None:
        """Open when it hangs, and did at an earlier look. A first answer may take longer: it is waited for first."""
        enough = min(HUNG_CALLS, self.policy.at_once)
        new = self._good_at is None
        late = now - (FIRST_SHARE * self.policy.timeout_seconds if new else self.policy.late_seconds)
        if len(self._under_way) < enough or (self._good_at is not None and self._good_at > late):
            return
        if sum(call.since is not None and call.since <= late for call in self._under_way) < enough:
            return
        if self._late_at is None:
            self._late_at = now
        elif now - self._late_at >= LOOK_SECONDS:
            self._open()

    def _admit_probe(self, now: float) -> int:
        if self._state == "open" and now >= self._open_until:
            self._become("half_open")
        if self._state == "open":
            raise self._refused(CircuitOpen(f"{self.name} is left alone for a moment.", self._open_until - now))
        self._probes = {probe: until for probe, until in self._probes.items() if until > now}
        if len(self._probes) + self._proved >= PROBES or len(self._under_way) >= self.policy.at_once:
            raise self._refused(CircuitOpen(f"{self.name} is being tried by others."))
        self._last_probe += 1
        self._probes[self._last_probe] = now + PROBE_SECONDS
        return self._last_probe

    def _refused(self, error: Stopped) -> Stopped:
        self._totals[2] += 1
        return error

    def _weigh(self, call: Call) -> None:
        """What a probe found."""
        if call.bad:
            self._open()
        elif self._probes.pop(call.probe, None) is not None:
            self._proved += 1
            if self._proved == PROBES:
                self._opened = 0
                self._become("closed")

    def _judge(self, bad: bool, now: float) -> None:
        self._calls.append((now, bad))
        self._bad += bad
        while self._calls[0][0] <= now - WINDOW_SECONDS:
            self._bad -= self._calls.popleft()[1]
        if len(self._calls) >= CALLS_AT_LEAST and self._bad >= BAD_SHARE * len(self._calls):
            self._open()

    def _open(self) -> None:
        seconds = min(OPEN_SECONDS * 2**self._opened, OPEN_AT_MOST_SECONDS) * (1 + JITTER * (2 * self._dice() - 1))
        self._opened += 1
        self._open_until = self.clock() + seconds
        self._become("open")

    def _become(self, state: State) -> None:
        log.warning("the breaker of %s is %s", self.name, state)
        self._state = state
        self._period += 1
        self._calls.clear()
        self._bad = 0
        self._probes = {}
        self._proved = 0
        self._late_at = None
        self._changed.notify_all()

    def _now_state(self) -> State:
        return "half_open" if self._state == "open" and self.clock() >= self._open_until else self._state
