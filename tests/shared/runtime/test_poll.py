"""Polling rows: one instance runs a row, whatever a run does; and a worker that lost a loop ends."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
import pytest
from prometheus_client import REGISTRY

from emulators.waiting import until
from functions.main import serve
from shared.errors import Unavailable
from shared.postgres.database import Database
from shared.registry import Row, load
from shared.resilience.deadline import time_left
from shared.runtime import poll
from shared.runtime.binding import BoundOperation
from shared.runtime.poll import PollLoop, loops, polling
from shared.telemetry.context import trace_context
from shared.variables import ConfigurationError

PATIENCE_SECONDS = 20.0
ROW = load().rows["watch_redemptions"]


class FakeLock:
    """A lock whose answers the test chooses, an exception among them is raised; the last one is repeated."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.released = False

    def acquire(self) -> bool:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def release(self) -> None:
        self.released = True


def bound(run: Callable[[], Any], database: Database | None = None, row: Row = ROW) -> BoundOperation:
    """A row bound to a function of the test's."""
    return BoundOperation(row, run, cast(Callable[[], Database], lambda: database), lambda *_: None)


def named(name: str) -> Row:
    """A row of another name, whose metrics are the test's own."""
    return msgspec.structs.replace(ROW, name=name)


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def runs(row: Row, outcome: str) -> float:
    return sample("meridian_operation_duration_seconds_count", kind="poll", operation=row.name, outcome=outcome) or 0


def succeeded_at(row: Row) -> float | None:
    return sample("meridian_last_success_timestamp_seconds", operation=row.name)


def failing(error: Exception) -> Callable[[], Any]:
    """A function that raises."""

    def run() -> Any:
        raise error

    return run


def test_a_run_is_timed_and_dated() -> None:
    """Its row shows that it never succeeded, then when it last did; and the pause before the next run is the row's."""
    row, before = named("test_a_run_is_timed"), time.time()
    loop = PollLoop(bound(lambda: {"done": 1}, row=row), FakeLock(True))
    assert succeeded_at(row) == 0
    assert loop.run_once() == row.poll_seconds
    assert before <= (succeeded_at(row) or 0) <= time.time()
    assert runs(row, "OK") == 1


@pytest.mark.parametrize(("error", "code"), [(Unavailable("down"), "UNAVAILABLE"), (KeyError("a defect"), "INTERNAL")])
def test_an_error_ends_its_run_alone(error: Exception, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and counted under its code; the next run comes after the same pause, not at once."""
    row = named(f"test_an_error_{code.lower()}")
    loop = PollLoop(bound(failing(error), row=row), FakeLock(True))
    with caplog.at_level(logging.WARNING):
        assert [loop.run_once(), loop.run_once()] == [row.poll_seconds] * 2
    assert len([record for record in caplog.records if row.name in record.getMessage()]) == 2
    assert (runs(row, code), runs(row, "OK"), succeeded_at(row)) == (2, 0, 0)


def test_a_run_has_a_deadline_and_a_request_id() -> None:
    """The deadline is the row's; each run has an id of its own, which its logs, calls and events carry."""
    found: list[tuple[float, str]] = []
    row = msgspec.structs.replace(ROW, timeout_seconds=7)
    run = bound(lambda: found.append((time_left(1000), trace_context().request_id)), row=row)
    loop = PollLoop(run, FakeLock(True))
    loop.run_once()
    loop.run_once()
    assert all(6 < seconds <= 7 for seconds, _ in found)
    assert len({request_id for _, request_id in found}) == 2
    assert time_left(1000) == 1000


def test_without_its_lock_nothing_runs() -> None:
    """Whether another instance has it, or the database cannot be asked; it is asked again later."""
    ran: list[bool] = []
    lock = FakeLock(False, Unavailable("the session is lost"), True)
    loop = PollLoop(bound(lambda: ran.append(True)), lock)
    assert (loop.run_once(), len(ran)) == (poll.STANDBY_SECONDS, 0)
    assert (loop.run_once(), len(ran)) == (ROW.poll_seconds, 0)
    assert (loop.run_once(), len(ran)) == (ROW.poll_seconds, 1)


class Counted:
    """An operation that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self) -> dict[str, int]:
        self.runs += 1
        return {"done": 0}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standbys that ask for the lock at once."""
    monkeypatch.setattr(poll, "STANDBY_SECONDS", 0.05)


def at_work(operations: Sequence[BoundOperation]) -> tuple[threading.Event, threading.Thread]:
    """A worker in a thread, and what stops it; its loops pause for moments."""
    made = loops(operations)
    for loop in made:
        loop._pause_seconds = 0.05
    stop = threading.Event()

    def work() -> None:
        with polling(made, stop):
            stop.wait()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return stop, thread


def ended(worker: tuple[threading.Event, threading.Thread]) -> None:
    stop, thread = worker
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@pytest.mark.usefixtures("hurried")
def test_a_second_instance_waits_until_the_first_ends(database: Database) -> None:
    """Then it takes over."""
    row, one, two = named("test_a_second_instance"), Counted(), Counted()
    first = at_work([bound(one.run, database, row)])
    until(lambda: one.runs, bool)
    second = at_work([bound(two.run, database, row)])
    before = one.runs
    until(lambda: one.runs > before + 5, bool)
    assert two.runs == 0
    ended(first)
    count = one.runs
    until(lambda: two.runs, bool)
    ended(second)
    assert one.runs == count


@pytest.mark.usefixtures("hurried")
def test_a_row_goes_on_after_its_session_was_lost(database: Database) -> None:
    """Here or in another instance: in one of them, from then on."""
    row, one, two = named("test_a_row_goes_on"), Counted(), Counted()
    workers = [at_work([bound(each.run, database, row)]) for each in (one, two)]
    until(lambda: one.runs + two.runs, bool)
    with database.transaction() as transaction:
        sql = """select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
                 and database = (select oid from pg_database where datname = current_database())"""
        assert transaction.run(sql, {})
    before = one.runs + two.runs
    until(lambda: one.runs + two.runs > before + 2, bool)
    for worker in workers:
        ended(worker)


def test_a_stop_lets_the_run_under_way_end() -> None:
    """And begins no other; the lock is released after it."""
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        began.set()
        assert go_on.wait(PATIENCE_SECONDS)
        assert not lock.released
        done.set()

    lock, stop = FakeLock(True), threading.Event()
    with polling([PollLoop(bound(run), lock)], stop):
        assert began.wait(PATIENCE_SECONDS)
        stop.set()
        go_on.set()
    assert done.is_set()
    assert lock.released


def test_a_slow_row_holds_up_no_other() -> None:
    """Each has a thread of its own."""
    go_on, ran, stop = threading.Event(), threading.Event(), threading.Event()
    slow, fast = bound(lambda: go_on.wait(PATIENCE_SECONDS)), bound(ran.set)
    with polling([PollLoop(slow, FakeLock(True)), PollLoop(fast, FakeLock(True))], stop):
        assert ran.wait(PATIENCE_SECONDS)
        go_on.set()


def test_a_loop_that_dies_ends_the_worker() -> None:
    """A defect beside the run stops the other loops and the process, which is then restarted."""
    stop, other = threading.Event(), FakeLock(True)
    dying = PollLoop(bound(lambda: None, row=named("test_dying")), FakeLock(RuntimeError("a defect")))
    with (
        pytest.raises(RuntimeError, match="The loop of poll test_dying died"),
        polling([dying, PollLoop(bound(lambda: None), other)], stop),
    ):
        assert stop.wait(PATIENCE_SECONDS)
    assert other.released
    assert not any(thread.name.startswith("poll ") for thread in threading.enumerate())


@pytest.mark.parametrize("row", [row for row in load().rows.values() if row.worker], ids=lambda row: row.name)
def test_a_polling_row_is_no_function(row: Row) -> None:
    """Nothing can call it from outside."""
    with pytest.raises(ConfigurationError, match="is no function"):
        serve(row.name)
