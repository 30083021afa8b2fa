"""Circuit breakers: a dependency that fails or hangs is left alone for a while, and its callers are told at once.

    closed      calls go through; the last WINDOW_SECONDS of them are judged, once there are CALLS_AT_LEAST
    open        nothing goes through for 5 s, the next time in a row for 10 s, up to 60 s, each with jitter
    half open   PROBES calls go through, and tell whether it closes or opens again; one that never returns gives its
                place free after PROBE_SECONDS

Beside it stands a bulkhead: so many calls at once, a short wait for a place, and no more, so that a dependency that
hangs does not take every thread of its callers with it. Calls that hang do not end, so that the window would go on
telling of the good ones before them: HUNG_CALLS that are late, and no answer meanwhile, open it too; half as late, and
nobody waits for a place any more.
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

from shared.errors import Stopped, Unavailable
from shared.resilience.deadline import time_for
from shared.resilience.stopped import CircuitOpen, Overloaded

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

NO_HOPE_SHARE: Final = 0.5
"""After how much of the time that makes a call late, without any answer, it is not worth waiting for a place."""

LOOK_SECONDS: Final = 0.25
"""How often who waits for a place looks, and between which looks it must hang on: the process itself may stall."""


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

    __slots__ = ("_breaker", "_failures", "bad", "period", "policy", "probe", "since")

    def __init__(self, breaker: "Breaker", failures: tuple[type[BaseException], ...], policy: Policy) -> None:
        self._breaker = breaker
        self._failures = failures
        self.policy = policy
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
            now = self._breaker.clock()
            self.bad |= now - self.since > self.policy.slow_seconds
            self.since = None
            if not self.bad:
                self._breaker.heard(now)

    def __enter__(self) -> Self:
        self._breaker.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bad |= isinstance(error, self._failures) and not isinstance(error, Stopped)
        self.told()
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
        self._changed = threading.Condition()  # taken twice, where what is collected meanwhile makes a last call
        self._under_way: dict[Call, None] = {}
        self._heard_at: float | None = None
        self._late_at: dict[float, float] = {}  # by share: at which look they were first so late
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

    def guard(self, failures: tuple[type[BaseException], ...] = (Unavailable,), policy: Policy | None = None) -> Call:
        """Around one call. Raises CircuitOpen or Overloaded without a call, and whatever the call raises.

        failures: what counts as the dependency's failure; anything else it raises is an answer.
        policy: tells when this call is slow or late, where it is not like the others.
        """
        return Call(self, failures, policy or self.policy)

    def heard(self, now: float) -> None:
        """It has answered something in time: it does not hang."""
        self._heard_at = now

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
                self.heard(now)
                self._late_at.clear()
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
                return now
            if now >= until or (self._heard_at is not None and self._silent(now, NO_HOPE_SHARE)):
                raise self._refused(Overloaded(f"Too many requests wait for {self.name}."))
            self._changed.wait(min(until - now, LOOK_SECONDS))
            now = self.clock()
        return now

    def _look(self, now: float) -> None:
        if self._silent(now, 1.0):
            self._open()

    def _silent(self, now: float, share: float) -> bool:
        """Whether enough calls are late, or by a share of it, and nothing was answered; now and at an earlier look."""
        enough, heard = min(HUNG_CALLS, self.policy.at_once), self._heard_at

        def late(since: float | None, policy: Policy) -> bool:
            patience = FIRST_SHARE * policy.timeout_seconds if heard is None else share * policy.late_seconds
            return since is not None and now - since >= patience

        unheard = heard is None or late(heard, self.policy)
        if not unheard or sum(late(call.since, call.policy) for call in tuple(self._under_way)) < enough:
            self._late_at.pop(share, None)
            return False
        return now - self._late_at.setdefault(share, now) >= LOOK_SECONDS

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
        self._late_at.clear()
        self._changed.notify_all()

    def _now_state(self) -> State:
        return "half_open" if self._state == "open" and self.clock() >= self._open_until else self._state
