"""Lookups that concurrent callers share."""

import threading
from collections.abc import Callable

import pytest

from emulators.waiting import until
from shared.redis.single_flight import SingleFlight
from tests.races import all_at_once, at_once


class Tower:
    """A look that a test lets end, and that knows how often it was taken."""

    def __init__(self) -> None:
        self.looks = 0
        self.ended = threading.Semaphore(0)

    def look(self) -> int:
        self.looks += 1
        mine = self.looks
        assert self.ended.acquire(timeout=30)
        return mine


def in_thread(call: Callable[[], object]) -> threading.Thread:
    """A thread that makes a call."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def test_who_comes_later_is_given_a_later_look() -> None:
    """A lookup under way may have missed a change that the later caller already knows of."""
    flights, tower, brought = SingleFlight[int](), Tower(), list[int]()
    first = in_thread(lambda: brought.append(flights.share("x", tower.look)))
    until(lambda: tower.looks, lambda looks: looks == 1)
    others = [in_thread(lambda: brought.append(flights.share("x", tower.look))) for _ in range(20)]
    for _ in range(21):
        tower.ended.release()
    for thread in (first, *others):
        thread.join(30)
    assert sorted(brought)[0] == 1 and min(sorted(brought)[1:]) >= 2
    assert tower.looks <= 21


def test_things_are_apart() -> None:
    """A look at one thing waits for none at another."""
    flights, tower = SingleFlight[int](), Tower()
    first = in_thread(lambda: flights.share("x", tower.look))
    until(lambda: tower.looks, lambda looks: looks == 1)
    assert flights.share("y", lambda: 7) == 7
    tower.ended.release()
    first.join(30)


def test_a_failure_reaches_all() -> None:
    """All callers of a failed lookup get its error; the next lookup is a new one."""
    flights = SingleFlight[int]()

    def fails() -> int:
        raise ValueError("no")

    assert all(isinstance(each, ValueError) for each in at_once([lambda: flights.share("x", fails)] * 20))
    assert flights.share("x", lambda: 1) == 1


def test_there_is_one_look_at_a_time() -> None:
    """However many ask, looks at one thing do not overlap."""
    flights, alone = SingleFlight[int](), threading.Lock()

    def look() -> int:
        assert alone.acquire(blocking=False)
        alone.release()
        return 1

    assert all_at_once([lambda: flights.share("x", look)] * 50) == [1] * 50


def test_a_look_that_is_ended_leaves_nobody_waiting() -> None:
    """A cancelled thread fails for all of its callers."""
    flights = SingleFlight[int]()

    def ends() -> int:
        raise SystemExit

    with pytest.raises(SystemExit):
        flights.share("x", ends)
    assert flights.share("x", lambda: 2) == 2
