"""The fence and the keeper on a real server, with pauses at each step of a write."""

import secrets
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pg8000.exceptions import DatabaseError
from prometheus_client import REGISTRY

from emulators.waiting import until
from shared.cells.keeper import LeaseKeeper
from shared.cells.lease import LEASE_SECONDS, MARGIN_SECONDS, LeaseRow
from shared.cells.record import CellRecord, renewed
from shared.errors import OutcomeUnknown, Unavailable
from shared.postgres.database import Database, Transaction
from shared.postgres.fence import KNOWN_SECONDS, Fence, read_clock, write_lease
from shared.postgres.outgoing import Outgoing
from shared.postgres.roles import KEEPER
from tests.shared.cells.conftest import CellServer

LONGEST = LEASE_SECONDS - MARGIN_SECONDS


class Monotonic:
    """A process's clock, which a pause moves on."""

    def __init__(self) -> None:
        self.paused = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.paused


class Firestore:
    """One record, which may be away."""

    def __init__(self) -> None:
        self.record = CellRecord("us", "here")
        self.away = False

    def renew(self, epoch: int) -> CellRecord | None:
        if self.away:
            raise Unavailable
        after = renewed(self.record, "here", epoch, "keeper")
        self.record = after or self.record
        return after


@pytest.fixture
def firestore() -> Firestore:
    return Firestore()


@pytest.fixture
def keeper(cell_server: CellServer, firestore: Firestore) -> Iterator[LeaseKeeper]:
    """A keeper of epoch 1; the lease is ended first."""
    cell_server.run("UPDATE lease SET epoch = 1, held_until = 0, started = 0")
    database = cell_server.database(size=1, user=KEEPER)
    yield LeaseKeeper([database], firestore.renew, 1)
    database.close()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def fenced(cell_server: CellServer, monotonic: Monotonic) -> Iterator[Database]:
    """The database as a process of epoch 1 sees it."""
    database = cell_server.database(Fence(monotonic))
    yield database
    database.close()


def write(database: Database, pause: Callable[[], None] = lambda: None) -> str:
    """A new thing, with a pause before the commit."""
    thing = secrets.token_hex(8)
    with database.transaction() as transaction:
        transaction.count("insert into things (id) values (:id)", {"id": thing})
        pause()
    return thing


def things(cell_server: CellServer) -> int:
    return int(cell_server.run("SELECT count(*) FROM things")[0][0])  # type: ignore[call-overload, no-any-return]


def counts(name: str, outcome: str) -> float:
    """A counter of this process."""
    return REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0.0


def test_a_keeper_counts(keeper: LeaseKeeper, firestore: Firestore) -> None:
    """Its rounds by outcome, and what is left of the lease: less with each moment in which nothing renews it."""
    renewals = "meridian_lease_renewals_total"
    held, failed = counts(renewals, "held"), counts(renewals, "failed")
    keeper.run_round()
    left = REGISTRY.get_sample_value("meridian_lease_remaining_seconds")
    firestore.away = True
    keeper.run_round()
    assert (counts(renewals, "held"), counts(renewals, "failed")) == (held + 1, failed + 1)
    later = REGISTRY.get_sample_value("meridian_lease_remaining_seconds")
    assert left is not None
    assert later is not None
    assert 0 < later < left < LONGEST


def test_only_the_holder_commits(cell_server: CellServer, keeper: LeaseKeeper, fenced: Database) -> None:
    before = things(cell_server)
    with pytest.raises(Unavailable, match="nothing was done"):
        write(fenced)
    assert things(cell_server) == before
    keeper.run_round()
    thing = write(fenced)
    assert cell_server.run(f"SELECT id FROM things WHERE id = '{thing}'") == [[thing]]


@pytest.mark.parametrize(
    "ended",
    [
        "held_until = server_clock()",
        "held_until = server_clock() + 60000000",  # the clock has stepped back by a minute
        "started = started - 1",  # the server has restarted
    ],
)
def test_the_fence_refuses(cell_server: CellServer, keeper: LeaseKeeper, fenced: Database, ended: str) -> None:
    keeper.run_round()
    write(fenced)
    cell_server.run(f"UPDATE lease SET {ended}")
    before, counted = things(cell_server), counts("meridian_fenced_total", "refused")
    for _ in range(5):  # and its connections stay usable
        with pytest.raises(Unavailable):
            write(fenced)
    assert things(cell_server) == before
    assert counts("meridian_fenced_total", "refused") == counted + 5
    keeper.run_round()
    write(fenced)


def test_what_began_under_another_epoch_is_refused(
    cell_server: CellServer, keeper: LeaseKeeper, fenced: Database
) -> None:
    """A session that was open before the promotion does not commit, though the new epoch's lease is held."""
    keeper.run_round()
    before = things(cell_server)

    def promoted() -> None:
        cell_server.run("UPDATE lease SET epoch = 2")

    with pytest.raises(Unavailable, match="nothing was done"):
        write(fenced, promoted)
    assert things(cell_server) == before
    write(fenced)  # it has begun again, under the epoch that there is now


def test_services_cannot_write_the_lease(cell_server: CellServer) -> None:
    database = cell_server.database()
    with pytest.raises(DatabaseError, match="permission denied"), database.transaction() as transaction:
        transaction.count("update lease set held_until = :until", {"until": 2**62})
    database.close()


def read(database: Database, pause: Callable[[], None] = lambda: None) -> int:
    """How many things there are, in one statement that only reads."""

    def ask(statement: Transaction) -> int:
        found: int = statement.run("select count(*) as things from things", {})[0]["things"]
        pause()
        return found

    return database.read(ask)


def test_strong_reads_are_fenced(
    cell_server: CellServer, keeper: LeaseKeeper, fenced: Database, monotonic: Monotonic
) -> None:
    with pytest.raises(Unavailable):
        read(fenced)
    with pytest.raises(Unavailable):
        fenced.assure()
    keeper.run_round()
    assert read(fenced) == things(cell_server)
    fenced.assure()
    cell_server.run("UPDATE lease SET held_until = 0")
    monotonic.paused += KNOWN_SECONDS
    with pytest.raises(Unavailable):
        read(fenced)
    with pytest.raises(Unavailable):
        fenced.assure()
    keeper.run_round()

    def pause() -> None:
        monotonic.paused += LEASE_SECONDS
        cell_server.run("UPDATE lease SET held_until = server_clock()")

    with pytest.raises(Unavailable):  # what it had read before it was paused is not told
        read(fenced, pause)


def test_a_read_right_after_another_costs_no_further_message(
    cell_server: CellServer, keeper: LeaseKeeper, fenced: Database
) -> None:
    keeper.run_round()
    sent: list[str | None] = []
    send = Outgoing.send

    def noted(outgoing: Outgoing, query: str | None = None) -> Any:
        sent.append("begin" if outgoing.begins else query)
        return send(outgoing, query)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Outgoing, "send", noted)
        read(fenced)
        assert sent == [None, "select fence(1)"]  # the statement, and what had to be looked at
        sent.clear()
        read(fenced)
        fenced.assure()
        assert sent == [None]


def test_a_lease_lasts_as_long_as_the_rules_say(cell_server: CellServer, keeper: LeaseKeeper) -> None:
    """The SQL and the pure rule have the same longest lease, to the microsecond's rounding."""
    keeper.run_round()
    [[left]] = cell_server.run("SELECT fence(1)")
    assert LONGEST - 1 < int(left) / 1_000_000 <= LONGEST  # type: ignore[call-overload]
    database = cell_server.database(user=KEEPER)
    clock, started = database.read(read_clock)
    with database.transaction() as transaction:
        assert write_lease(transaction, LeaseRow(1, clock + 2, started))
        assert not write_lease(transaction, LeaseRow(2, clock + 4, started))
    [[left]] = cell_server.run("SELECT fence(1)")
    assert int(left) <= 2_000_000  # type: ignore[call-overload]
    database.close()


def test_a_process_paused_before_its_commit_does_nothing(
    cell_server: CellServer, keeper: LeaseKeeper, fenced: Database
) -> None:
    keeper.run_round()
    before = things(cell_server)

    def pause() -> None:
        cell_server.run("UPDATE lease SET held_until = server_clock()")

    with pytest.raises(Unavailable, match="nothing was done"):
        write(fenced, pause)
    assert things(cell_server) == before


def test_a_process_paused_after_its_commit_does_not_acknowledge(
    cell_server: CellServer, keeper: LeaseKeeper, monotonic: Monotonic
) -> None:
    """It wakes with the response in hand, past its lease: the commit has happened, and nobody is told that it has."""
    keeper.run_round()

    def wakes_late() -> float:
        now = monotonic()
        monotonic.paused += LEASE_SECONDS  # between one look at the clock and the next
        return now

    database = cell_server.database(Fence(wakes_late))
    before = things(cell_server)
    late = counts("meridian_fenced_total", "late")
    with pytest.raises(OutcomeUnknown):
        write(database)
    assert things(cell_server) == before + 1
    assert counts("meridian_fenced_total", "late") == late + 1
    database.close()


def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_not_acknowledged(
    cell_server: CellServer, keeper: LeaseKeeper, fenced: Database
) -> None:
    keeper.run_round()
    before = things(cell_server)
    outcome: list[BaseException] = []

    def attempt() -> None:
        try:
            write(fenced)
        except OutcomeUnknown as error:
            outcome.append(error)

    cell_server.configure("synchronous_standby_names", "nobody")
    try:
        writer = threading.Thread(target=attempt)
        writer.start()
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'claiming'"
        until(lambda: cell_server.run(waiting), bool)
        cell_server.run(f"SELECT pg_cancel_backend(pid) FROM ({waiting}) AS w")
        writer.join(10)
    finally:
        cell_server.configure("synchronous_standby_names", "")
    assert [type(error) for error in outcome] == [OutcomeUnknown]
    assert things(cell_server) == before + 1


def test_the_lease_is_kept_and_ends_without_firestore(
    cell_server: CellServer, keeper: LeaseKeeper, firestore: Firestore, fenced: Database
) -> None:
    stop = threading.Event()
    keeping = threading.Thread(target=keeper.keep, args=(stop,))
    keeping.start()
    try:
        until(lambda: firestore.record.renewal, lambda count: count >= 2)
        write(fenced)
        firestore.away = True
        refused: list[Any] = []

        def try_again() -> bool:
            try:
                write(fenced)
            except Unavailable as error:
                refused.append(error)
            return bool(refused)

        since = time.monotonic()
        until(try_again, bool)
        assert time.monotonic() - since < LEASE_SECONDS + 1
        firestore.away = False
        until(lambda: firestore.record.renewal, lambda count: count >= 4)
        write(fenced)
        firestore.record = CellRecord("us", "there", epoch=2)
        until(lambda: keeper.lost, bool)
    finally:
        stop.set()
        keeping.join(10)
    assert not keeping.is_alive()


def test_the_fence_costs_no_round_trip(cell_server: CellServer, keeper: LeaseKeeper, fenced: Database) -> None:
    """One message either way; the function adds tens of microseconds, less than half of a round trip's commit."""
    plain = cell_server.database()
    sent: list[str | None] = []
    send = Outgoing.send

    def noted(outgoing: Outgoing, query: str | None = None) -> Any:
        sent.append("begin" if outgoing.begins else query)
        return send(outgoing, query)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Outgoing, "send", noted)
        keeper.run_round()
        for database in (plain, fenced):
            write(database)
            sent.clear()
            write(database)
            assert sent in (["begin", "commit"], ["begin", "select fence(1); commit"])
    seconds: dict[str, list[float]] = {"plain": [], "fenced": []}
    for number in range(400):
        if number % 100 == 0:
            keeper.run_round()
        for name, database in (("plain", plain), ("fenced", fenced)):
            since = time.perf_counter()
            with database.transaction():
                pass
            seconds[name].append(time.perf_counter() - since)
    added = statistics.median(seconds["fenced"]) - statistics.median(seconds["plain"])
    print(f"the fence adds {added * 1e6:.0f} us to a commit of {statistics.median(seconds['plain']) * 1e6:.0f} us")
    assert added < 0.001
    plain.close()
