"""Long actions on a stack, which one may ask about while they run."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Literal, TypeVar

import httpx
from rich.console import Console

from emulators.stack.errors import StackError
from emulators.stack.progress import Progress, ProgressBars
from shared.client.python.meridian_client.errors import ApiError

T = TypeVar("T")

log = logging.getLogger(__name__)

KEPT: Final = 20
"""How many jobs are remembered."""

EXPECTED: Final = (StackError, httpx.HTTPError, ApiError, TimeoutError)
"""What may prevent an action, and says so in a sentence."""

Kind = Literal["sale", "region"]
"""Jobs of a kind run one after the other; a region may be killed while there is a sale."""


@dataclass
class Job:
    """An action under way, or ended.

    subjects: the regions that it is about. step: what it does at the moment. done, total: how far that is; a total of 0
    is unknown. failure: why it failed, in a sentence. outcome: what came of it.
    """

    id: int
    kind: Kind
    action: str
    subjects: tuple[str, ...]
    began_at: datetime
    status: Literal["running", "done", "failed"] = "running"
    step: str = ""
    done: int = 0
    total: int = 0
    ended_at: datetime | None = None
    failure: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)


class Busy(Exception):
    """A job of the same kind is running."""

    def __init__(self, running: Job) -> None:
        super().__init__(f"{running.action} {' and '.join(running.subjects)}".strip() + " has not ended yet.")
        self.running = running


class Jobs:
    """The jobs of one control endpoint, each in a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._numbers = count(1)

    def start(self, kind: Kind, action: str, subjects: tuple[str, ...], act: Callable[[Job], Mapping[str, Any]]) -> Job:
        """Start an action, which notes how far it is in its job, and returns its outcome. Raises Busy."""
        with self._lock:
            running = next((job for job in self._jobs.values() if job.kind == kind and job.status == "running"), None)
            if running is not None:
                raise Busy(running)
            job = Job(next(self._numbers), kind, action, subjects, datetime.now(UTC))
            self._jobs[job.id] = job
            for old in [each.id for each in self._jobs.values() if each.status != "running"][:-KEPT]:
                del self._jobs[old]
        threading.Thread(target=self._run, args=(job, act), name=f"job {job.id}", daemon=True).start()
        return job

    def get(self, number: int) -> Job | None:
        """A job by its id; None if it is unknown or forgotten."""
        return self._jobs.get(number)

    def all(self) -> list[Job]:
        """The jobs that are remembered, the newest first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.id)

    def _run(self, job: Job, act: Callable[[Job], Mapping[str, Any]]) -> None:
        try:
            job.outcome = act(job)
            ended: Literal["done", "failed"] = "done"
        except EXPECTED as error:
            job.failure, ended = str(error) or type(error).__name__, "failed"
        except Exception as error:
            log.exception("%s failed", job.action)
            job.failure, ended = f"{type(error).__name__}: {error}", "failed"
        job.ended_at = datetime.now(UTC)
        job.status = ended


class JobBars(ProgressBars):
    """Progress of the sale, noted in its job."""

    def __init__(self, job: Job) -> None:
        super().__init__(Console(quiet=True))
        self._job = job

    def track(self, step: str, items: Iterable[T], total: int | None = None) -> Iterator[T]:
        if total is None:
            items = list(items)
            total = len(items)
        self._job.step, self._job.done, self._job.total = step, 0, total
        for item in items:
            yield item
            self._job.done += 1


class JobProgress(Progress):
    """Progress of what is done to a region, noted in its job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._waiting: dict[str, None] = {}

    def begin(self, names: Iterable[str]) -> None:
        with self._lock:
            self._waiting |= dict.fromkeys(names)
            self._note()

    def end(self, name: str) -> None:
        with self._lock:
            self._waiting.pop(name, None)
            self._note()

    def _note(self) -> None:
        self._job.step = f"waiting for {', '.join(list(self._waiting)[:3])}" if self._waiting else ""
