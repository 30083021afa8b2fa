"""Runs a job over many items, so that an item's failure is its own.

    waiting = reading.withdrawals.waiting(BATCH)     # the query leaves out items that back off: see README.md
    ran = for_each("send_withdrawals", waiting, lambda w: w.id, partial(_send, work), work)
    return {"sent": len(ran.results), "failed": ran.failed}

Whatever a step raises, a defect too, is recorded for its item in a transaction of its own, with the time of the next
try, and logged; the items behind it go on. What is wrong with a whole dependency ends the run: one that is not called
(Stopped: its circuit breaker is open, so that no item is to blame), a database in which nothing can be recorded, and
UNAVAILABLE_IN_A_ROW items after each other for which something did not answer. Where items need different things, a run
goes on to its end.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from shared.errors import MeridianError, Stopped, Unavailable, summary

log = logging.getLogger(__name__)

UNAVAILABLE_IN_A_ROW: Final = 3
"""After so many items for which something did not answer, it is not the items. These back off, so that, should it be
them after all, the next run begins with others."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of an item that failed: how often in a row, and when it is tried again."""

    attempts: int
    next_try_at: datetime


class Failures(Protocol):
    """The items of jobs that failed, as one transaction sees them."""

    def find(self, job: str, items: Collection[str]) -> Mapping[str, Failure]:
        """Those of these items that failed the last time, by their names."""

    def record(self, job: str, item: str, detail: str) -> None:
        """An item failed; the next try is put off, longer each time. detail: what went wrong, for a person."""

    def clear(self, job: str, items: Collection[str]) -> None:
        """These items succeeded."""


class RecordingWork(Protocol):
    """The work of one transaction, as failures need it."""

    @property
    def failures(self) -> Failures:
        """The items that failed."""


class JobWork(Protocol):
    """The work of a job: transactions of its own."""

    def now(self) -> datetime:
        """The present."""

    def transaction(self) -> AbstractContextManager[RecordingWork]:
        """Work of its own transaction, committed at the end."""


@dataclass(frozen=True, slots=True)
class Ran(Generic[R]):
    """What came of the items: the results of those that succeeded, in their order, and how many failed or back off."""

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
) -> Ran[R]:
    """Take a step with each item. The step opens its own transactions; it may be repeated for the same item.

    job: the row's name. name: what an item is called among those of the job, such as its id. same_dependency: whether
    all items need the same, so that the run ends when that is away.
    Raises Unavailable when it is not for the items: see above.
    """
    known, waiting = _known(job, items, name, work)
    results: list[R] = []
    unanswered = 0
    for item in waiting:
        try:
            results.append(step(item))
        except Exception as error:
            if isinstance(error, Stopped) and same_dependency:
                raise
            _record(job, name(item), error, work)
            unanswered = unanswered + 1 if isinstance(error, Unavailable) else 0
            if unanswered == UNAVAILABLE_IN_A_ROW and same_dependency:
                raise
        else:
            unanswered = 0
            if name(item) in known:
                _clear(job, [name(item)], work)
    return Ran(results, len(items) - len(results))


def for_batch(
    job: str, items: Sequence[T], name: Callable[[T], str], step: Callable[[Sequence[T]], R], work: JobWork
) -> Ran[R]:
    """Take a step with all items at once; where that fails, with each by itself, as for_each has it.

    The step is one transaction, so that nothing was done when it raises. Raises Unavailable as for_each does.
    """
    known, waiting = _known(job, items, name, work)
    if not waiting:
        return Ran([], len(items))
    try:
        result = step(waiting)
    except Stopped:
        raise
    except Exception as error:  # noqa: BLE001 - it is met again, and recorded, when the items are taken one by one
        log.info("%s takes %d items one by one: %s", job, len(waiting), summary(error))
        ran = for_each(job, waiting, name, lambda item: step([item]), work)
        return Ran(ran.results, ran.failed + len(items) - len(waiting))
    if known:
        _clear(job, list(known), work)
    return Ran([result], len(items) - len(waiting))


def _known(job: str, items: Sequence[T], name: Callable[[T], str], work: JobWork) -> tuple[set[str], list[T]]:
    """The names of the items that failed before and are due, and all items that do not back off."""
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
