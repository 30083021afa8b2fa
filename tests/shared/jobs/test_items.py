"""Jobs over many items, on real PostgreSQL: a failing item is isolated, counted, backs off, and is reported."""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from shared.errors import CallNotPermitted, Contended, NotFound, Unavailable
from shared.jobs import failures
from shared.jobs.failures import FIRST_PAUSE, FORGOTTEN_AFTER, LONGEST_PAUSE, PostgresFailureStore, count_failures
from shared.jobs.items import JobRun, for_batch, for_each
from shared.postgres.database import Database
from shared.postgres.queries import queries
from shared.telemetry.collectors import FailingItemsCollector
from tests.clocks import FakeClock

AUDIT = queries(Path(failures.__file__).parent / "sql" / "audit.sql")


@dataclass
class Recording:
    """The work of one transaction."""

    failures: PostgresFailureStore


@dataclass
class Job:
    """A job of this test's own; items named in `poisoned` raise."""

    database: Database
    clock: FakeClock
    name: str = field(default_factory=lambda: f"job_{secrets.token_hex(4)}")
    poisoned: dict[str, Exception] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.clock.now()

    @contextmanager
    def transaction(self) -> Iterator[Recording]:
        with self.database.transaction() as transaction:
            yield Recording(PostgresFailureStore(transaction, self.clock.now()))

    def step(self, item: str) -> str:
        self.tried.append(item)
        if item in self.poisoned:
            raise self.poisoned[item]
        return item.upper()

    def together(self, items: Sequence[str]) -> list[str]:
        return [self.step(item) for item in items]

    def run(self, *items: str) -> JobRun[str]:
        self.tried.clear()
        return for_each(self.name, items, str, self.step, self)

    def known(self, *items: str) -> dict[str, tuple[int, float]]:
        """Of items that fail, how often they did, and in how many seconds they are tried again."""
        with self.transaction() as work:
            found = work.failures.find(self.name, items)
        now = self.clock.now()
        return {item: (each.attempts, (each.next_try_at - now).total_seconds()) for item, each in found.items()}


@pytest.fixture
def job(database: Database, clock: FakeClock) -> Job:
    return Job(database, clock)


@pytest.mark.parametrize(
    "error", [NotFound(), Contended(), Unavailable(), ZeroDivisionError(), KeyError("x")], ids=repr
)
def test_a_poisoned_first_item_holds_up_nobody(job: Job, error: Exception) -> None:
    """Whatever it raises, a defect too: those behind it go on, and it is recorded."""
    job.poisoned["a"] = error
    assert job.run("a", "b", "c") == JobRun(["B", "C"], failed=1)
    assert job.known("a", "b", "c") == {"a": (1, FIRST_PAUSE.total_seconds())}


def test_a_defect_is_logged_with_its_place_and_no_more(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    """The log has the traceback; what is stored is kind and place, since its text may quote what is nobody's."""
    job.poisoned["a"] = ValueError("the secret")
    with caplog.at_level(logging.WARNING):
        job.run("a")
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.exc_info is not None
    assert record.exc_info[1] is job.poisoned["a"]
    with job.database.transaction() as transaction:
        (row,) = transaction.run("SELECT detail FROM job_failures WHERE job = :job", {"job": job.name})
    assert row["detail"].startswith("ValueError at tests/shared/jobs/test_items.py:")
    assert "secret" not in row["detail"]


def test_what_fails_backs_off(job: Job) -> None:
    """The pause doubles up to its bound; meanwhile the item is left out, even if it is asked for."""
    job.poisoned["a"] = NotFound()
    pauses = []
    for attempts in range(1, 10):
        assert job.run("a", "b") == JobRun(["B"], failed=1)
        assert job.tried == ["a", "b"]
        ((known, pause),) = job.known("a").values()
        assert known == attempts
        pauses.append(pause)
        job.clock.pass_by(seconds=pause - 0.001)
        assert job.run("a", "b") == JobRun(["B"], failed=1)
        assert job.tried == ["b"]
        job.clock.pass_by(seconds=0.001)
    assert pauses == [min(FIRST_PAUSE.total_seconds() * 2**n, LONGEST_PAUSE.total_seconds()) for n in range(9)]


def test_a_success_clears_the_failure(job: Job) -> None:
    """It begins anew if it should fail again."""
    job.poisoned["a"] = NotFound()
    job.run("a", "b")
    job.clock.pass_by(seconds=60)
    error = job.poisoned.pop("a")
    assert job.run("a", "b") == JobRun(["A", "B"], failed=0)
    assert job.known("a") == {}
    job.poisoned["a"] = error
    job.run("a")
    assert job.known("a")["a"][0] == 1


def test_a_dependency_that_is_not_called_ends_the_run(job: Job) -> None:
    """An open breaker says nothing of the item."""
    job.poisoned["b"] = CallNotPermitted()
    with pytest.raises(CallNotPermitted):
        job.run("a", "b", "c")
    assert job.tried == ["a", "b"]
    assert job.known("a", "b", "c") == {}


def test_a_dependency_that_does_not_answer_ends_the_run(job: Job) -> None:
    """Three items in a row without an answer are enough; the next run begins with others, should it be these."""
    job.poisoned |= dict.fromkeys("abc", Unavailable())
    with pytest.raises(Unavailable):
        job.run("a", "b", "c", "d", "e")
    assert job.tried == ["a", "b", "c"]
    assert job.known(*"abcde").keys() == set("abc")
    assert job.run("a", "b", "c", "d", "e") == JobRun(["D", "E"], failed=3)


def test_items_without_an_answer_here_and_there_do_not(job: Job) -> None:
    """What answers for others is there."""
    job.poisoned |= dict.fromkeys("abdegh", Unavailable())
    assert job.run(*"abcdefgh") == JobRun(["C", "F"], failed=6)


def test_a_database_that_is_away_ends_the_run(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be recorded nothing is tried."""
    job.poisoned["a"] = NotFound()

    def away(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(PostgresFailureStore, "record", away)
    with pytest.raises(Unavailable):
        job.run("a", "b")
    assert job.tried == ["a"]


def test_a_batch_is_one_step(job: Job) -> None:
    """While nothing is wrong."""
    assert for_batch(job.name, "abc", str, job.together, job) == JobRun([["A", "B", "C"]], failed=0)
    assert job.tried == ["a", "b", "c"]
    assert for_batch(job.name, "", str, job.together, job) == JobRun([], failed=0)


@pytest.mark.parametrize("error", [NotFound(), Unavailable(), ZeroDivisionError()], ids=repr)
def test_a_poisoned_item_of_a_batch_fails_alone(job: Job, error: Exception) -> None:
    """The others are taken one by one, and the next batch is without it until it is due; then it may succeed."""
    job.poisoned["a"] = error
    assert for_batch(job.name, "abc", str, job.together, job) == JobRun([["B"], ["C"]], failed=1)
    assert for_batch(job.name, "abc", str, job.together, job) == JobRun([["B", "C"]], failed=1)
    job.clock.pass_by(seconds=5)
    job.poisoned.clear()
    assert for_batch(job.name, "abc", str, job.together, job) == JobRun([["A", "B", "C"]], failed=0)
    assert job.known(*"abc") == {}


def test_a_batch_whose_dependency_is_away_ends_the_run(job: Job) -> None:
    """As a run of single items does."""
    job.poisoned |= dict.fromkeys("abcde", Unavailable())
    with pytest.raises(Unavailable):
        for_batch(job.name, "abcde", str, job.together, job)
    assert job.tried == ["a", "a", "b", "c"]
    job.poisoned |= dict.fromkeys("abcde", CallNotPermitted())
    with pytest.raises(CallNotPermitted):
        for_batch(job.name, "de", str, job.together, job)


def counted(job: Job) -> str:
    """What is told of the job's failing items."""
    registry = CollectorRegistry()
    registry.register(FailingItemsCollector(lambda: count_failures(job.database, job.clock)))
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if f'operation="{job.name}"' in line)


def test_failures_are_counted(job: Job) -> None:
    """How many items a job fails at, and since when; nothing once they succeed."""
    job.poisoned |= dict.fromkeys("ab", NotFound())
    job.run("a", "b", "c")
    job.clock.pass_by(seconds=5)
    job.run("a", "b")
    assert counted(job) == (
        f'meridian_failing_items{{operation="{job.name}"}} 2.0\n'
        f'meridian_failing_oldest_seconds{{operation="{job.name}"}} 5.0'
    )
    job.clock.pass_by(seconds=10)
    job.poisoned.clear()
    job.run("a", "b")
    assert counted(job) == ""


def violations(job: Job, at: datetime | None = None) -> list[str]:
    """What the audit says of the job."""
    with job.database.transaction() as transaction:
        rows = AUDIT.no_item_fails_for_long(transaction, at=at)
    return [row["subject"] for row in rows if row["subject"].startswith(job.name)]


def test_the_audit_finds_what_fails_for_long(job: Job, real_time: Callable[[], datetime]) -> None:
    """An hour is too long, while it is still tried; a time before that shows nothing."""
    for since, found in ((timedelta(minutes=59), []), (timedelta(minutes=61), [f"{job.name} a"])):
        job.poisoned["a"] = NotFound()
        for ago in (since, since / 2, timedelta()):
            job.clock.moment = real_time() - ago
            job.run("a")
        assert violations(job) == found
        assert violations(job, real_time() - timedelta(minutes=10)) == []
        job.poisoned.clear()
        job.clock.pass_by(minutes=6)
        job.run("a")
        assert violations(job) == []


def test_what_is_tried_no_more_is_forgotten(job: Job, real_time: Callable[[], datetime]) -> None:
    """An item that somebody else has ended is no violation and not counted; another failure removes it."""
    job.clock.moment = real_time() - 2 * FORGOTTEN_AFTER
    job.poisoned |= dict.fromkeys("ab", NotFound())
    job.run("a", "b")
    job.clock.moment = real_time()
    assert (violations(job), counted(job)) == ([], "")
    job.run("a")
    assert job.known("a", "b").keys() == {"a"}
    assert job.known("a")["a"][0] == 1


@pytest.fixture
def real_time() -> Callable[[], datetime]:
    """The machine's time, by which PostgreSQL tells what is long ago."""
    from shared.clock import SystemClock

    return SystemClock().now
