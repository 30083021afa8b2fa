"""Runs a job over many items, isolating the failure of each.

    waiting = reading.withdrawals.unsigned(BATCH)    # the query leaves out items that back off: see README.md
    ran = for_each("send_withdrawals", waiting, lambda w: w.id, partial(_send, work), work)
    return {"sent": len(ran.results), "failed": ran.failed}

Any exception of a step, even a defect, is logged and recorded for its item in a separate transaction, with the time
of the next attempt; the following items are processed. A failure of a whole dependency ends the run: a call that was
not permitted (CallNotPermitted: the circuit breaker is open, and no item is to blame), a database in which nothing
can be recorded, or UNAVAILABLE_IN_A_ROW consecutive items with Unavailable. If items need different dependencies,
the run goes on.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from shared.errors import CallNotPermitted, MeridianError, Unavailable, summary

log = logging.getLogger(__name__)

UNAVAILABLE_IN_A_ROW: Final = 3
"""After so many consecutive items with Unavailable the dependency is considered down. These items back off, so that
the next run begins with others, in case it was them after all."""

T = TypeVar("T")
R = TypeVar("R")


class ItemFailure(msgspec.Struct, frozen=True):
    """A failing item: how often it failed in a row, and when it is tried again."""

    attempts: int
    next_try_at: datetime


class FailureStore(Protocol):
    """The failed items of jobs, as one transaction sees them."""

    def find(self, job: str, items: Collection[str]) -> Mapping[str, ItemFailure]:
        """Those of these items that failed last time, by name."""

    def record(self, job: str, item: str, detail: str) -> None:
        """Record a failure; the next attempt is delayed, longer each time. detail: what went wrong, for a person."""

    def clear(self, job: str, items: Collection[str]) -> None:
        """Forget the failures of items that succeeded."""


class RecordingWork(Protocol):
    """One transaction, as recording failures needs it."""

    @property
    def failures(self) -> FailureStore:
        """The failed items."""


class JobWork(Protocol):
    """The unit of work of a job: opens transactions."""

    def now(self) -> datetime:
        """The current time."""

    def transaction(self) -> AbstractContextManager[RecordingWork]:
        """Work in a new transaction, committed at the end."""


class JobRun(msgspec.Struct, Generic[R], frozen=True):
    """The results of the items that succeeded, in order, and how many failed or back off."""

    results: Sequence[R]
    failed: int


def for_each(
    job: str,
    items: Sequence[T],
    name: Callable[[T], str],
    step: Callable[[T], R],
    work: JobWork,
    *,
    same_dependency: bool = True,
) -> JobRun[R]:
    """Run a step for each item. The step opens its own transactions and must be repeatable for the same item.

    job: the row's name. name: an item's unique name in the job, such as its id. same_dependency: whether all items need
    the same dependency, so that the run ends if it is down. Raises Unavailable if a dependency is down: see above.
    """
    known, waiting = _known(job, items, name, work)
    results: list[R] = []
    unanswered = 0
    for item in waiting:
        try:
            results.append(step(item))
        except Exception as error:
            if isinstance(error, CallNotPermitted) and same_dependency:
                raise
            _record(job, name(item), error, work)
            unanswered = unanswered + 1 if isinstance(error, Unavailable) else 0
            if unanswered == UNAVAILABLE_IN_A_ROW and same_dependency:
                raise
        else:
            unanswered = 0
            if name(item) in known:
                _clear(job, [name(item)], work)
    return JobRun(results, len(items) - len(results))


def for_batch(
    job: str, items: Sequence[T], name: Callable[[T], str], step: Callable[[Sequence[T]], R], work: JobWork
) -> JobRun[R]:
    """Run a step for all items at once; if that fails, for each by itself, as for_each does.

    The step is one transaction, so nothing was done if it raises. Raises Unavailable as for_each does.
    """
    known, waiting = _known(job, items, name, work)
    if not waiting:
        return JobRun([], len(items))
    try:
        result = step(waiting)
    except CallNotPermitted:
        raise
    except Exception as error:  # noqa: BLE001 - it recurs, and is recorded, when the items are processed one by one
        log.info("%s takes %d items one by one: %s", job, len(waiting), summary(error))
        ran = for_each(job, waiting, name, lambda item: step([item]), work)
        return JobRun(ran.results, ran.failed + len(items) - len(waiting))
    if known:
        _clear(job, list(known), work)
    return JobRun([result], len(items) - len(waiting))


def _known(job: str, items: Sequence[T], name: Callable[[T], str], work: JobWork) -> tuple[set[str], list[T]]:
    """The names of the failed items that are due, and all items that do not back off."""
    if not items:
        return set(), []
    with work.transaction() as reading:
        known = reading.failures.find(job, [name(item) for item in items])
    now = work.now()
    backing_off = {item for item, failure in known.items() if failure.next_try_at > now}
    return known.keys() - backing_off, [item for item in items if name(item) not in backing_off]


def _record(job: str, item: str, error: Exception, work: JobWork) -> None:
    expected = isinstance(error, MeridianError)
    log.warning("%s: %s failed: %s", job, item, summary(error), exc_info=None if expected else error)
    with work.transaction() as recording:
        recording.failures.record(job, item, summary(error))


def _clear(job: str, items: Sequence[str], work: JobWork) -> None:
    with work.transaction() as recording:
        recording.failures.clear(job, items)
