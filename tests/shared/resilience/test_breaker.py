"""Circuit breakers: when they open, which probes they admit, and when they close."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from msgspec.structs import replace

from shared.contracts.problems import headers_of
from shared.errors import NotFound, Unavailable
from shared.resilience.breaker import (
    CALLS_AT_LEAST,
    HUNG_CALLS,
    LOOK_SECONDS,
    OPEN_AT_MOST_SECONDS,
    OPEN_SECONDS,
    PROBE_SECONDS,
    PROBES,
    WINDOW_SECONDS,
    Breaker,
)
from shared.resilience.breakers import Breakers
from shared.resilience.deadline import within
from shared.resilience.not_permitted import CircuitOpen, Overloaded
from shared.resilience.policy import BreakerSnapshot, Policy

SLOW_SECONDS = 1.0


class Clock:
    """A clock that stands still until the test advances it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The breaker's time."""
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    """A breaker whose jitter is nothing."""
    return Breaker(
        "the thing",
        Policy(timeout_seconds=5, slow_seconds=SLOW_SECONDS, late_seconds=SLOW_SECONDS, at_once=2000),
        clock,
        dice=lambda: 0.5,
    )


def test_what_is_collected_meanwhile_may_call(breaker: Breaker, clock: Clock) -> None:
    """A finaliser that the interpreter runs while a call is let in, and that calls itself, blocks nobody."""
    collected: list[str] = []

    def collecting() -> float:
        if not collected:
            collected.append("its last call")
            succeed(breaker)
        return clock()

    breaker.clock = collecting
    calling = threading.Thread(target=succeed, args=[breaker], daemon=True)
    calling.start()
    calling.join(10)
    assert not calling.is_alive()
    assert (breaker.read().calls, breaker.read().under_way) == (2, 0)


def state_of(breaker: Breaker) -> str:
    return breaker.state


def succeed(breaker: Breaker) -> None:
    with breaker.guard():
        pass


def fail(breaker: Breaker, error: Exception | None = None) -> None:
    error = error or Unavailable()
    with pytest.raises(type(error)), breaker.guard():
        raise error


def be_slow(breaker: Breaker, clock: Clock) -> None:
    with breaker.guard():
        clock.now += SLOW_SECONDS * 1.01


def opened(breaker: Breaker) -> Breaker:
    for _ in range(CALLS_AT_LEAST):
        fail(breaker)
    assert state_of(breaker) == "open"
    return breaker


def test_failures_open_it(breaker: Breaker) -> None:
    """Not before 20 calls; then no call is admitted, and callers fail immediately."""
    for _ in range(CALLS_AT_LEAST - 1):
        fail(breaker)
    assert state_of(breaker) == "closed"
    fail(breaker)
    assert state_of(breaker) == "open"
    called = False
    with pytest.raises(CircuitOpen), breaker.guard():
        called = True
    assert not called


def test_a_minority_of_failures_does_not_open_it(breaker: Breaker) -> None:
    """Fewer than half may fail for ever; half of them open it."""
    for _ in range(100):
        succeed(breaker)
        succeed(breaker)
        fail(breaker)
    assert state_of(breaker) == "closed"
    for _ in range(100):
        fail(breaker) if state_of(breaker) == "closed" else None
    assert state_of(breaker) == "open"


def test_what_is_slow_counts_as_failed(clock: Clock) -> None:
    """A dependency that answers everything, but late, is left alone too."""
    breaker = Breaker(
        "the thing", Policy(timeout_seconds=5, slow_seconds=0.1, late_seconds=0.1, at_once=8), clock, dice=lambda: 0.5
    )
    for _ in range(CALLS_AT_LEAST):
        with breaker.guard():
            clock.now += 0.11
    assert state_of(breaker) == "open"


def test_a_refusal_is_an_answer(breaker: Breaker) -> None:
    """Errors that are not the dependency's failure never open it."""
    for _ in range(CALLS_AT_LEAST * 2):
        fail(breaker, NotFound())
    assert state_of(breaker) == "closed"


def test_old_calls_are_forgotten(breaker: Breaker, clock: Clock) -> None:
    """What happened more than 10 s ago does not count."""
    for _ in range(CALLS_AT_LEAST - 1):
        fail(breaker)
    clock.now += WINDOW_SECONDS
    fail(breaker)
    assert state_of(breaker) == "closed"


@pytest.mark.parametrize("dice", [0.0, 0.5, 0.999])
def test_it_stays_open_longer_each_time(clock: Clock, dice: float) -> None:
    """5 s, 10, 20, 40, then 60, each with 10 % jitter; when all probes succeed it starts over."""
    breaker = Breaker(
        "the thing", Policy(timeout_seconds=5, slow_seconds=1, late_seconds=1, at_once=8), clock, dice=lambda: dice
    )
    opened(breaker)
    for times in range(6):
        seconds = min(OPEN_SECONDS * 2**times, OPEN_AT_MOST_SECONDS) * (0.9 + 0.2 * dice)
        clock.now += seconds - 0.001
        with pytest.raises(CircuitOpen):
            succeed(breaker)
        clock.now += 0.002
        fail(breaker)
    clock.now += OPEN_AT_MOST_SECONDS * 1.1
    for _ in range(PROBES):
        succeed(breaker)
    assert state_of(breaker) == "closed"
    opened(breaker)
    clock.now += OPEN_SECONDS * 1.1
    assert state_of(breaker) == "half_open"


def test_few_of_many_waiters_try(breaker: Breaker, clock: Clock) -> None:
    """Of 1,000 concurrent callers after the pause 3 are admitted, and the others fail immediately."""
    opened(breaker)
    clock.now += OPEN_SECONDS * 1.1
    let_go = threading.Event()
    under_way = threading.Semaphore(0)
    through = []

    def ask(number: int) -> bool:
        try:
            with breaker.guard():
                through.append(number)
                under_way.release()
                assert let_go.wait(30)
        except CircuitOpen:
            under_way.release()
            return False
        return True

    with ThreadPoolExecutor(PROBES + 8) as pool:
        pending = [pool.submit(ask, number) for number in range(1000)]
        for _ in range(1000):
            assert under_way.acquire(timeout=30)
        assert len(through) == PROBES
        let_go.set()
        assert sum(each.result() for each in pending) == PROBES
    assert state_of(breaker) == "closed"


def test_a_probe_that_never_returns_gives_its_place_free(breaker: Breaker, clock: Clock) -> None:
    """What hangs in a probe does not keep the breaker from finding out; its late word counts for nothing."""
    opened(breaker)
    clock.now += OPEN_SECONDS * 1.1
    hung = [breaker.guard() for _ in range(PROBES)]
    for each in hung:
        each.__enter__()
    with pytest.raises(CircuitOpen):
        succeed(breaker)
    clock.now += PROBE_SECONDS
    for _ in range(PROBES):
        succeed(breaker)
    assert state_of(breaker) == "closed"
    for each in hung:
        each.__exit__(None, None, None)
    assert state_of(breaker) == "closed"


def test_what_began_before_it_opened_is_old_news(breaker: Breaker, clock: Clock) -> None:
    """Calls that were under way when it opened end later; they neither close it nor open it again."""
    early = breaker.guard()
    early.__enter__()
    opened(breaker)
    clock.now += OPEN_SECONDS * 1.1
    succeed(breaker)
    early.__exit__(None, None, None)
    assert state_of(breaker) == "half_open"
    succeed(breaker)
    succeed(breaker)
    assert state_of(breaker) == "closed"


@pytest.fixture
def let_go() -> Iterator[threading.Event]:
    """Ends what hangs, at the latest when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_so_many_at_once_and_no_more(clock: Clock, let_go: threading.Event) -> None:
    """The bulkhead: one call more is refused without waiting, and a place that is free again is given."""
    breaker = Breaker("the thing", Policy(timeout_seconds=5, slow_seconds=1, late_seconds=1, at_once=2), clock)
    inside = threading.Barrier(3, timeout=30)

    def hang() -> None:
        with breaker.guard():
            inside.wait()
            assert let_go.wait(30)

    with ThreadPoolExecutor(2) as pool:
        hanging = [pool.submit(hang) for _ in range(2)]
        inside.wait()
        with pytest.raises(Overloaded):
            succeed(breaker)
        let_go.set()
        for each in hanging:
            each.result()
    succeed(breaker)


def test_threads_share_it(breaker: Breaker) -> None:
    """Failures of many threads open it once, and it counts every one of them."""

    def some(_: int) -> int:
        refused = 0
        for _ in range(50):
            try:
                with breaker.guard():
                    raise Unavailable
            except CircuitOpen:
                refused += 1
            except Unavailable:
                continue
        return refused

    with ThreadPoolExecutor(8) as pool:
        refused = sum(pool.map(some, range(8)))
    assert state_of(breaker) == "open"
    assert refused >= 400 - CALLS_AT_LEAST - 8


def test_a_dependency_defines_its_failures(breaker: Breaker) -> None:
    """A dependency may define which exceptions are failures."""

    class Broken(Exception):
        pass

    def ask(failures: tuple[type[BaseException], ...]) -> Callable[[], None]:
        def call() -> None:
            with pytest.raises(Broken), breaker.guard(failures):
                raise Broken

        return call

    for _ in range(CALLS_AT_LEAST):
        ask((ValueError,))()
    assert state_of(breaker) == "closed"
    for _ in range(CALLS_AT_LEAST):
        ask((Broken,))() if state_of(breaker) == "closed" else None
    assert state_of(breaker) == "open"


# What hangs


class Hanging:
    """Calls that are under way and do not end."""

    def __init__(self, breaker: Breaker, count: int) -> None:
        self.calls = [breaker.guard() for _ in range(count)]
        for call in self.calls:
            call.__enter__()

    def end(self) -> None:
        for call in self.calls:
            call.__exit__(None, None, None)


def look(breaker: Breaker) -> None:
    """Ask once more, and have no answer yet."""
    with suppress(CircuitOpen):
        breaker.guard().__enter__()


def test_what_hangs_opens_it(breaker: Breaker, clock: Clock) -> None:
    """However many calls were good before: enough that are late, and no answer since, at two looks."""
    for _ in range(1000):
        succeed(breaker)
    hanging = Hanging(breaker, HUNG_CALLS)
    clock.now += SLOW_SECONDS
    look(breaker)
    assert state_of(breaker) == "closed", "the process itself may have stood still"
    clock.now += LOOK_SECONDS
    look(breaker)
    assert state_of(breaker) == "open"
    hanging.end()
    assert state_of(breaker) == "open", "what ends late is old news"


def test_a_few_late_calls_are_no_hanging(breaker: Breaker, clock: Clock) -> None:
    """One fewer, or one answer in between: some wait for a lock, and the server is well."""
    succeed(breaker)
    Hanging(breaker, HUNG_CALLS - 2)
    clock.now += SLOW_SECONDS
    look(breaker)
    for _ in range(3):
        clock.now += LOOK_SECONDS
        succeed(breaker)
    assert state_of(breaker) == "closed"
    Hanging(breaker, HUNG_CALLS)
    for _ in range(20):
        clock.now += LOOK_SECONDS
        succeed(breaker)
    assert state_of(breaker) == "closed"


def test_who_has_more_patience_waits_longer(breaker: Breaker, clock: Clock) -> None:
    """Calls that are known to take long are late later, and slow later; they hang at last."""
    succeed(breaker)
    patient = replace(breaker.policy, slow_seconds=3 * SLOW_SECONDS, late_seconds=3 * SLOW_SECONDS)
    calls = [breaker.guard(policy=patient) for _ in range(HUNG_CALLS)]
    for call in calls:
        call.__enter__()
    clock.now += 2 * SLOW_SECONDS
    look(breaker)
    clock.now += LOOK_SECONDS
    look(breaker)
    assert state_of(breaker) == "closed"
    calls.pop().__exit__(None, None, None)
    assert breaker.read().failures == 0
    clock.now += 4 * SLOW_SECONDS
    look(breaker)
    clock.now += LOOK_SECONDS
    look(breaker)
    assert state_of(breaker) == "open"


def test_nobody_waits_for_a_place_at_what_hangs(clock: Clock, let_go: threading.Event) -> None:
    """When nothing was answered for half the time that makes a call late, waiting would only take threads."""
    late = 240.0
    policy = Policy(timeout_seconds=late, slow_seconds=late, late_seconds=late, at_once=2, wait_seconds=10 * late)
    breaker = Breaker("the thing", policy, clock)
    succeed(breaker)
    Hanging(breaker, 2)
    clock.now += late / 2 - 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(succeed, breaker)
        while not waiting.done():
            clock.now += 0.01
            time.sleep(0.002)
        with pytest.raises(Overloaded):
            waiting.result()
    assert clock.now >= late / 2
    assert state_of(breaker) == "closed"


def test_a_first_answer_may_take_long(breaker: Breaker, clock: Clock) -> None:
    """Connections are made, programs are loaded: what was never answered yet is waited for longer."""
    Hanging(breaker, HUNG_CALLS)
    clock.now += SLOW_SECONDS
    for _ in range(3):
        look(breaker)
        clock.now += LOOK_SECONDS
    assert state_of(breaker) == "closed"
    clock.now += breaker.policy.timeout_seconds
    look(breaker)
    clock.now += LOOK_SECONDS
    look(breaker)
    assert state_of(breaker) == "open"


def test_what_a_caller_does_meanwhile_is_not_its_time(breaker: Breaker, clock: Clock) -> None:
    """A call that has its answer, and holds on to its place, is not late."""
    for _ in range(CALLS_AT_LEAST):
        with breaker.guard() as call:
            call.stop_timer()
            clock.now += SLOW_SECONDS * 2
            call.start_timer()
            call.stop_timer()
    assert breaker.read().failures == 0


def test_who_waits_for_a_place_gets_it(let_go: threading.Event) -> None:
    """The bulkhead's wait is short, and ends as soon as another call does, or when the breaker opens."""
    breaker = Breaker(
        "the thing", Policy(timeout_seconds=60, slow_seconds=60, late_seconds=60, at_once=1, wait_seconds=30)
    )
    inside = threading.Event()

    def hold() -> None:
        with breaker.guard():
            inside.set()
            assert let_go.wait(30)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        assert inside.wait(30)
        waiting = pool.submit(succeed, breaker)
        with within(0.05), pytest.raises(Overloaded):
            succeed(breaker)
        let_go.set()
        holding.result()
        waiting.result()


def test_an_open_breaker_says_for_how_long(breaker: Breaker, clock: Clock) -> None:
    """Retry-After is the rest of its pause."""
    opened(breaker)
    clock.now += 1
    with pytest.raises(CircuitOpen) as refused:
        succeed(breaker)
    assert refused.value.wait_seconds == pytest.approx(OPEN_SECONDS - 1)
    assert headers_of(refused.value)["Retry-After"] == "4"


def test_it_tells_its_counts(breaker: Breaker) -> None:
    """Calls, failures and what was refused, for metrics."""
    opened(breaker)
    for _ in range(7):
        with pytest.raises(CircuitOpen):
            succeed(breaker)
    assert breaker.read() == BreakerSnapshot(
        "the thing", "open", CALLS_AT_LEAST, CALLS_AT_LEAST, refused=7, under_way=0, places=breaker.policy.at_once
    )


def test_a_breaker_that_stopped_a_call_inside_another_is_no_failure(breaker: Breaker) -> None:
    """What was not called cannot have failed."""
    for _ in range(CALLS_AT_LEAST):
        fail(breaker, CircuitOpen())
    assert state_of(breaker) == "closed"


def test_breakers_are_found_by_name() -> None:
    """One a dependency, whoever asks for it."""
    breakers = Breakers()
    assert breakers.of("chain", "1") is breakers.of("chain", "1")
    assert breakers.of("chain", "1") is not breakers.of("chain", "10")
    assert breakers.of("database", "order", 3).policy.at_once == 3
    with pytest.raises(KeyError):
        breakers.of("abacus")
