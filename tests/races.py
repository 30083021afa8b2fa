"""Concurrent calls that start at the same moment, for races."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Make calls at the same moment, a thread each; returns what each returned or raised, in order."""
    gate = Barrier(len(calls))

    def make(call: Callable[[], T]) -> T | Exception:
        gate.wait()
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def all_at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """As at_once, but none may fail. Raises the first error."""
    results: list[T] = []
    for result in at_once(calls):
        if isinstance(result, Exception):
            raise result
        results.append(result)
    return results
