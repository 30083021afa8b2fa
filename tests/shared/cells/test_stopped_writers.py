"""Real processes that are stopped (SIGSTOP) at each step of a write, and wake when their cell has been taken over."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import psutil
import pytest
from pg8000.native import Connection

from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST
from emulators.waiting import until
from shared.cells.lease import LEASE_SECONDS, MARGIN_SECONDS, LeaseRow
from shared.postgres.database import Database
from shared.postgres.fence import Fence, read_clock, write_lease
from shared.postgres.roles import KEEPER
from shared.resilience.breakers import Breakers
from tests.shared.cells import stopped_writers
from tests.shared.cells.conftest import SERVICE, CellServer
from tests.shared.cells.stopped_writers import (
    ACKNOWLEDGING,
    AFTER_COMMIT,
    BEFORE_FENCE,
    BEFORE_GATE,
    IN_COMMIT,
    SENDING,
)
from tests.standby import Standby, standby_of

THERE: Final = "europe-west1"

SECONDS: Final = 1.5
"""How long the lease lasts after each renewal: shorter than in production, so that the test is."""

HELD: Final = 4711
"""The advisory lock at which a backend waits between fence and commit."""

EXPECTED: Final = {
    BEFORE_FENCE: ("refused", False, False),
    IN_COMMIT: ("unknown", False, False),
    AFTER_COMMIT: ("unknown", False, True),
    ACKNOWLEDGING: ("acknowledged", False, True),
    BEFORE_GATE: ("acknowledged", False, True),
    SENDING: ("acknowledged", True, True),
}
"""Where a process or its backend is stopped: what its user is told after that, whether others hear of the write, and
whether the promoted server has it, which had flushed all that was committed when the processes stopped."""


@contextmanager
def renewing(cell_server: CellServer) -> Iterator[None]:
    """A keeper, until the block ends; the lease then ends by itself."""
    done, begun = threading.Event(), threading.Event()
    database = cell_server.database(size=1, user=KEEPER)

    def renew() -> None:
        while not done.is_set():
            clock, started = database.read(read_clock)
            with database.statement() as statement:
                assert write_lease(statement, LeaseRow(1, clock + SECONDS, started))
            begun.set()
            done.wait(SECONDS / 5)

    keeper = threading.Thread(target=renew)
    keeper.start()
    try:
        assert begun.wait(10)
        yield
    finally:
        done.set()
        keeper.join(10)
        database.close()


@contextmanager
def held_back(cell_server: CellServer) -> Iterator[None]:
    """Commits of the write IN_COMMIT wait, after their fence, until the block ends."""
    cell_server.server.run(
        f"""CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_advisory_xact_lock({HELD}); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER held_back AFTER INSERT ON things DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW WHEN (new.id = '{IN_COMMIT}') EXECUTE FUNCTION hold_back()""",
        SUPERUSER,
        SERVICE,
    )
    holder = cell_server.connect(SUPERUSER)
    holder.run(f"SELECT pg_advisory_lock({HELD})")
    try:
        yield
    finally:
        holder.close()


@contextmanager
def writers(cell_server: CellServer) -> Iterator[subprocess.Popen[str]]:
    """The processes, at work."""
    command = [sys.executable, "-m", stopped_writers.__name__, str(cell_server.server.port)]
    running = subprocess.Popen(
        [*command, cell_server.server.password, *EXPECTED], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield running
    finally:
        for process in [*psutil.Process(running.pid).children(), psutil.Process(running.pid)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        running.wait(10)


def waiting(cell_server: CellServer) -> list[list[Any]]:
    """The backend that is between its fence and its commit: its process, that is."""
    return cell_server.run(f"SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' AND usename = '{SERVICE}'")


def things(database: Database) -> set[str]:
    with database.transaction() as transaction:
        return {str(row["id"]) for row in transaction.run("select id from things", {})}


def take_over(cell_server: CellServer, there: Standby) -> None:
    """Wait until the lease has ended, and promote a standby that has all that was flushed."""
    until(lambda: cell_server.run("SELECT held_until < server_clock() FROM lease"), lambda rows: rows == [[True]])
    [[end]] = cell_server.run("SELECT pg_current_wal_flush_lsn()")
    until(lambda: there.run(f"SELECT pg_last_wal_receive_lsn() >= '{end}'"), lambda rows: rows == [[True]])
    there.promote()


@contextmanager
def promoted(there: Standby, password: str) -> Iterator[Database]:
    """The database where the cell has been promoted, as a process of epoch 2 sees it while a keeper holds its lease."""

    def connect(user: str) -> Connection:
        return Connection(user, host=HOST, port=there.port, database=SERVICE, password=password, ssl_context=False)

    owner = connect(SUPERUSER)
    owner.run("UPDATE lease SET epoch = 2; UPDATE gate SET standby = ''")
    keeper = Database(lambda: connect(KEEPER), Breakers().of("database", "keeper"))
    clock, started = keeper.read(read_clock)
    with keeper.statement() as statement:
        assert write_lease(statement, LeaseRow(2, clock + LEASE_SECONDS - MARGIN_SECONDS, started))
    database = Database(lambda: connect(SERVICE), Breakers().of("database", SERVICE), fence=Fence())
    yield database
    for each in (owner, keeper, database):
        each.close()


@pytest.fixture
def there(cell_server: CellServer) -> Iterator[Standby]:
    """The designated standby."""
    cell_server.run("UPDATE lease SET epoch = 1, held_until = 0, started = 0")
    with standby_of(cell_server.server, THERE) as running:
        cell_server.run(f"UPDATE gate SET standby = '{THERE}'")
        yield running


@pytest.mark.long  # a server with a standby, and a lease that runs out
def test_who_wakes_after_a_takeover_misleads_nobody(cell_server: CellServer, there: Standby) -> None:
    """Nothing is acknowledged or let out that the promoted server lacks, and nothing that was let out is lost."""
    with writers(cell_server) as running:
        assert running.stdout is not None
        heard: list[dict[str, str]] = []
        with renewing(cell_server), held_back(cell_server):
            while sum(line["told"] == "begun" for line in heard) < len(EXPECTED):
                heard.append(json.loads(running.stdout.readline()))
            pids = {line["step"]: int(line["pid"]) for line in heard if line["told"] == "begun"}
            stopped = [psutil.Process(pid) for step, pid in pids.items() if step != IN_COMMIT]
            until(lambda: {each.status() for each in stopped}, lambda states: states == {psutil.STATUS_STOPPED})
            [[backend]] = until(lambda: waiting(cell_server), bool)
            stopped.append(psutil.Process(backend))
            stopped[-1].suspend()
        take_over(cell_server, there)
        for process in stopped:
            process.resume()
        heard += [json.loads(line) for line in running.stdout.read().splitlines()]
    tail = {str(thing) for [thing] in cell_server.run("SELECT id FROM things")}
    assert tail == {*EXPECTED} - {BEFORE_FENCE}
    with promoted(there, cell_server.server.password) as database:
        kept = things(database)
        with database.transaction() as transaction:
            transaction.count("insert into things (id) values ('afterwards')", {})
    found = {step: (told(heard, step), {"step": step, "told": "sent"} in heard, step in kept) for step in EXPECTED}
    assert found == EXPECTED


def told(heard: list[dict[str, str]], step: str) -> str:
    """What the user of a write has heard."""
    (answer,) = [line["told"] for line in heard if line["step"] == step and line["told"] not in ("begun", "sent")]
    return answer
