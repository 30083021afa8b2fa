"""Deadlines: the nearest one counts, and an expired one stays expired."""

import threading

import pytest

from shared.errors import Unavailable
from shared.resilience.deadline import time_for, within


def test_the_nearest_deadline_counts() -> None:
    """An inner one can only be nearer; when its part is done, the outer one counts again."""
    with within(100):
        assert 99 < time_for(1000) <= 100
        assert time_for(5) == 5
        with within(10):
            assert 9 < time_for(1000) <= 10
        with within(5000):
            assert time_for(1000) <= 100
        with within(None):
            assert time_for(1000) <= 100
        assert time_for(1000) > 99
    assert time_for(1000) == 1000


def test_nothing_is_begun_without_time() -> None:
    """A caller that has given up is not worked for."""
    with within(0), pytest.raises(Unavailable):
        time_for(5)


def test_a_failure_ends_it_too() -> None:
    """What raises leaves no deadline behind for whatever its thread does next."""
    with pytest.raises(KeyError), within(1):
        raise KeyError
    assert time_for(1000) == 1000


def test_threads_have_their_own() -> None:
    """The deadline of one request is not that of another."""
    seen: list[float] = []
    with within(1):
        thread = threading.Thread(target=lambda: seen.append(time_for(1000)))
        thread.start()
        thread.join()
    assert seen == [1000]
