"""Circuit breakers: calls to a dependency that fails or hangs are refused for a while, so that callers fail fast.

    closed      calls go through; those of the last WINDOW_SECONDS are judged, once there are CALLS_AT_LEAST
    open        no call goes through for 5 s, the next time in a row for 10 s, up to 60 s, each with jitter
    half open   PROBES calls decide whether it closes or opens again; a hung one frees its place after PROBE_SECONDS

Each breaker has a bulkhead: a limit of concurrent calls and a short wait for a place, so that a hung dependency does
not occupy all threads of its callers. Hung calls do not end, so the window would still show the good ones before them:
HUNG_CALLS late ones without any response open it too; once they are half as late, nobody waits for a place any more.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from shared.errors import CallNotPermitted, Unavailable
from shared.resilience.deadline import time_for
from shared.resilience.not_permitted import CircuitOpen, Overloaded
from shared.resilience.policy import BreakerSnapshot, Policy, State
from shared.telemetry.metrics import DEPENDENCY
from shared.telemetry.spans import Span

log = logging.getLogger(__name__)

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
"""The fraction of its timeout after which a call is late before any response was ever received: connecting takes
time."""

NO_HOPE_SHARE: Final = 0.5
"""The fraction of late_seconds without any response after which callers no longer wait for a place."""

LOOK_SECONDS: Final = 0.25
"""How often waiting callers check for hung calls; two checks must agree, since the process itself may stall."""


class GuardedCall:
    """One call of a dependency, from admission to end: the value of `with breaker.guard() as call`."""

    __slots__ = ("_breaker", "_failures", "_span", "bad", "period", "policy", "probe", "since")

    def __init__(
        self, breaker: "Breaker", failures: tuple[type[BaseException], ...], policy: Policy, what: str
    ) -> None:
        self._breaker = breaker
        self._span = Span(what, "client")
        self._failures = failures
        self.policy = policy
        self.bad = False
        self.period = 0
        self.probe = 0
        self.since: float | None = None
        """When the request in flight was sent; None while there is none."""

    def mark_failed(self) -> None:
        """Count this call as a failure of the dependency, whatever it raises."""
        self.bad = True

    def start_timer(self) -> None:
        """A request to the dependency starts now."""
        self.since = self._breaker.clock()

    def stop_timer(self) -> None:
        """The dependency has responded: the time until the next request is not counted."""
        if self.since is not None:
            now = self._breaker.clock()
            seconds = now - self.since
            self._breaker.durations.observe(seconds)
            self.bad |= seconds > self.policy.slow_seconds
            self.since = None
            if not self.bad:
                self._breaker.note_response(now)

    def __enter__(self) -> Self:
        self._span.__enter__()
        try:
            self._breaker.enter(self)
        except BaseException as error:
            self._span.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bad |= isinstance(error, self._failures) and not isinstance(error, CallNotPermitted)
        self.stop_timer()
        self._breaker.leave(self)
        self._span.failed = self.bad
        self._span.__exit__(None, None, None)


class Breaker:
    """The circuit breaker of one dependency, shared by the threads of a process."""

    def __init__(
        self,
        name: str,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """
        name: the dependency's, for logs and /ready.
        clock: monotonic seconds. dice: random numbers in [0, 1), for the jitter.
        """
        self.name = name
        self.policy = policy
        self.clock = clock
        self.durations = DEPENDENCY.labels(name)
        self._dice = dice
        self._changed = threading.Condition()  # reentrant: garbage collection may make a call while it is held
        self._under_way: dict[GuardedCall, None] = {}
        self._last_response_at: float | None = None
        self._late_at: dict[float, float] = {}  # by share: at which check calls were first so late
        self._calls: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._state: State = "closed"
        self._period = 0  # counts changes of state: results of calls from an earlier period are ignored
        self._opened = 0  # times in a row
        self._open_until = 0.0
        self._probes: dict[int, float] = {}
        self._last_probe = 0
        self._proved = 0
        self._totals = [0, 0, 0]

    @property
    def state(self) -> State:
        """The state that a call would meet now."""
        with self._changed:
            return self._now_state()

    def read(self) -> BreakerSnapshot:
        """A snapshot of its state and counts."""
        with self._changed:
            calls, failures, refused = self._totals
            return BreakerSnapshot(
                self.name, self._now_state(), calls, failures, refused, len(self._under_way), self.policy.at_once
            )

    def guard(
        self,
        failures: tuple[type[BaseException], ...] = (Unavailable,),
        policy: Policy | None = None,
        what: str = "",
    ) -> GuardedCall:
        """A context manager around one call. Raises CircuitOpen or Overloaded instead of calling.

        failures: the exceptions that count as the dependency's failures; any other counts as a response.
        policy: overrides when this call is slow or late. what: the name of its span; the dependency's by default.
        """
        return GuardedCall(self, failures, policy or self.policy, what or self.name)

    def note_response(self, now: float) -> None:
        """Note a timely response: the dependency does not hang."""
        self._last_response_at = now

    def enter(self, call: GuardedCall) -> None:
        """Admit a call. Raises CircuitOpen, Overloaded, and Unavailable if its caller has no time to wait."""
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

    def leave(self, call: GuardedCall) -> None:
        """Record the end of a call."""
        with self._changed:
            del self._under_way[call]
            now = self.clock()
            if call.bad:
                self._totals[1] += 1
            else:
                self.note_response(now)
                self._late_at.clear()
            if call.period == self._period:
                if self._state == "closed":
                    self._judge(call.bad, now)
                else:
                    self._weigh(call)
            self._changed.notify()

    def _wait(self, now: float) -> float:
        """Wait for a place, or until the breaker opens. Returns the time. Raises Overloaded, Unavailable."""
        until = now + (time_for(self.policy.wait_seconds) if self.policy.wait_seconds else 0.0)
        while self._state == "closed" and len(self._under_way) >= self.policy.at_once:
            self._look(now)
            if self._state != "closed":
                return now
            if now >= until or (self._last_response_at is not None and self._silent(now, NO_HOPE_SHARE)):
                raise self._refused(Overloaded(f"Too many requests wait for {self.name}."))
            self._changed.wait(min(until - now, LOOK_SECONDS))
            now = self.clock()
        return now

    def _look(self, now: float) -> None:
        if self._silent(now, 1.0):
            self._open()

    def _silent(self, now: float, share: float) -> bool:
        """Whether enough calls are late, by a share of late_seconds, with no response; now and at an earlier check."""
        enough, last_response = min(HUNG_CALLS, self.policy.at_once), self._last_response_at

        def late(since: float | None, policy: Policy) -> bool:
            patience = FIRST_SHARE * policy.timeout_seconds if last_response is None else share * policy.late_seconds
            return since is not None and now - since >= patience

        silent = last_response is None or late(last_response, self.policy)
        if not silent or sum(late(call.since, call.policy) for call in tuple(self._under_way)) < enough:
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

    def _refused(self, error: CallNotPermitted) -> CallNotPermitted:
        self._totals[2] += 1
        return error

    def _weigh(self, call: GuardedCall) -> None:
        """Evaluate a probe."""
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
        seconds = min(OPEN_SECONDS * 2**self._opened, self.policy.open_at_most_seconds or OPEN_AT_MOST_SECONDS)
        self._opened += 1
        self._open_until = self.clock() + seconds * (1 + JITTER * (2 * self._dice() - 1))
        self._become("open")

    def _become(self, state: State) -> None:
        log.warning("the breaker of %s is %s", self.name, state)
        self._state = state
        self._period += 1
        self._calls.clear()
        self._bad = 0
        self._probes, self._proved = {}, 0
        self._late_at.clear()
        self._changed.notify_all()

    def _now_state(self) -> State:
        return "half_open" if self._state == "open" and self.clock() >= self._open_until else self._state
