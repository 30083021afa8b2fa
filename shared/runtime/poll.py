"""Runs polling rows in a worker: each in a loop and a thread of its own, and in one instance at a time.

Before each run the row's lock is taken, or its session verified. A run that outlives the session of its lock may
overlap with another instance's, so operations that poll must be safe when they run twice at once.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Protocol

from shared.container.loops import Loop, finish
from shared.errors import MeridianError
from shared.postgres.session_lock import SessionLock
from shared.resilience.deadline import within
from shared.runtime.binding import BoundOperation
from shared.telemetry.context import bind
from shared.telemetry.metrics import expect_success, note_success, observe

log = logging.getLogger(__name__)

STANDBY_SECONDS: Final = 5.0
"""How often an instance without the lock asks for it: how long a row stands still at most after its instance died."""


class Lock(Protocol):
    """What decides which instance runs a row."""

    def acquire(self) -> bool:
        """Take it, or verify that it is still held. Raises Unavailable."""

    def release(self) -> None:
        """Give it up."""


class PollLoop:
    """The loop of one row."""

    def __init__(self, operation: BoundOperation, lock: Lock) -> None:
        self._operation = operation
        self._lock = lock
        self._row = operation.row
        self._pause_seconds = float(operation.row.poll_seconds or STANDBY_SECONDS)
        expect_success(self._row.name)

    @property
    def name(self) -> str:
        """The name of the row."""
        return self._row.name

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set; the run under way is finished first."""
        try:
            while not stop.is_set():
                stop.wait(self.run_once())
        finally:
            self._lock.release()

    def run_once(self) -> float:
        """Run the operation, unless another instance does. Returns how many seconds to wait before the next time."""
        bind(None)
        try:
            if not self._lock.acquire():
                return max(STANDBY_SECONDS, self._pause_seconds)
        except MeridianError as error:
            log.warning("%s has to wait: %s", self.name, error)
            return self._pause_seconds
        began = time.monotonic()
        outcome = self._run()
        observe("poll", self.name, outcome, time.monotonic() - began)
        return self._pause_seconds

    def _run(self) -> str:
        """Run the operation. Returns OK or the code of its error: whatever failed is tried again by the next run."""
        try:
            with within(self._row.timeout_seconds):
                done = self._operation.run()
        except MeridianError as error:
            log.warning("%s failed, and is repeated: %s", self.name, error)
            return error.code
        except Exception:
            log.exception("%s failed, and is repeated", self.name)
            return MeridianError.code
        note_success(self.name)
        log.log(logging.INFO if _has_done_something(done) else logging.DEBUG, "%s: %s", self.name, done)
        return "OK"


def _has_done_something(done: Any) -> bool:
    return any(done.values()) if isinstance(done, dict) else bool(done)


def loops(operations: Sequence[BoundOperation]) -> list[PollLoop]:
    """The loops of these operations, each with the lock of its row in its service's database."""
    return [PollLoop(each, SessionLock(each.database(), "poll", each.row.name)) for each in operations]


@contextmanager
def polling(loops: Sequence[PollLoop], stop: threading.Event) -> Iterator[None]:
    """Run loops beside a block that ends when `stop` is set, and finish their runs when it does.

    A loop that dies of a defect sets `stop`, and RuntimeError is raised at the end: the process exits and is restarted,
    rather than living on without the row.
    """
    threads = [Loop(f"poll {loop.name}", partial(loop.run, stop), stop) for loop in loops]
    for thread in threads:
        thread.start()
    if loops:
        log.info("polling rows at work: %s", ", ".join(loop.name for loop in loops))
    try:
        yield
    finally:
        stop.set()
        finish(threads)
