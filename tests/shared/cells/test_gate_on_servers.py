"""The gate on a real server with real standbys: what leaves is flushed where the cell may be promoted."""

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from google.cloud.firestore import Client

from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.cells.designation import DesignationKeeper
from shared.cells.gate import STALLED_SECONDS, GateRow
from shared.cells.words import Mode
from shared.errors import Unavailable
from shared.firestore.cell_records import CellRecords
from shared.postgres.database import Database
from shared.postgres.gate import Gate, read_gate
from shared.postgres.promotion import promote_server
from shared.postgres.roles import KEEPER
from shared.postgres.synchronous import choose, read_chosen
from shared.resilience.breakers import Breakers
from tests.shared.cells.conftest import SERVICE, CellServer
from tests.standby import Standby, standby_of

HERE, THERE, FAR = "us-central1", "europe-west1", "asia-east1"

WRITE = "INSERT INTO things (id) VALUES (gen_random_uuid()::text)"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CHECKPOINTER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"


@pytest.fixture(scope="module")
def there(cell_server: CellServer) -> Iterator[Standby]:
    """A standby in another region."""
    with standby_of(cell_server.server, THERE) as running:
        yield running


@pytest.fixture
def records(stack: Stack) -> CellRecords:
    """The cell's document, which says that nothing is designated yet."""
    client = Client(project=f"gate-{secrets.token_hex(4)}")
    return CellRecords(lambda: client, Breakers().of("firestore"), {"us": HERE})


class Clock:
    """The keeper's own clock, which the test moves on."""

    def __init__(self) -> None:
        self.later = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.later


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(cell_server: CellServer, records: CellRecords, clock: Clock) -> Iterator[DesignationKeeper]:
    """What designates, on a gate row that names nobody."""
    cell_server.run("UPDATE gate SET standby = '', joining = '', generation = 0")
    database = cell_server.database(size=1, user=KEEPER)
    made = DesignationKeeper([database], records, "us", HERE, [THERE, FAR], monotonic=clock)
    yield made
    made.end()
    database.close()


@pytest.fixture
def database(cell_server: CellServer) -> Iterator[Database]:
    made = cell_server.database()
    yield made
    made.close()


def gate(database: Database, mode: Mode = "open") -> Gate:
    return Gate(database, mode)


def write(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.count("insert into things (id) values (gen_random_uuid()::text)", {})


def row_of(keeper: DesignationKeeper, database: Database) -> GateRow:
    """The gate row after the keeper has decided once more."""
    keeper.run_once()
    return database.read(read_gate).row


def decide(keeper: DesignationKeeper, records: CellRecords, standby: str, seconds: float = 30.0) -> None:
    """Let the keeper decide until a standby is designated."""

    def look() -> str:
        keeper.run_once()
        return records.read("us").standby

    until(look, lambda found: found == standby, seconds, poll_seconds=0.2)


def test_nothing_waits_while_no_standby_is_designated(database: Database, keeper: DesignationKeeper) -> None:
    """`open` lets everything out; `strict` holds back what cannot be undone, before it is even made."""
    write(database)
    gate(database).wait("event")
    gate(database).wait("voucher")
    gate(database, "strict").wait("event")
    with pytest.raises(Unavailable):
        gate(database, "strict").admit("voucher")
    with pytest.raises(Unavailable):
        gate(database, "strict").wait("withdrawal")


def test_a_standby_that_keeps_up_is_designated_and_waited_for(
    there: Standby, database: Database, keeper: DesignationKeeper, records: CellRecords
) -> None:
    decide(keeper, records, THERE)
    keeper.run_once()
    state = database.read(read_gate)
    assert (state.row.standby, state.row.joining) == (THERE, "")
    gate(database, "strict").admit("voucher")
    write(database)
    gate(database).wait("event")  # and then it is there
    there.stop_receiving()
    try:
        write(database)
        with ThreadPoolExecutor() as pool:
            leaving = pool.submit(gate(database).wait, "voucher", 30.0)
            with pytest.raises(Unavailable):
                gate(database).wait("event", 0.5)
            assert not leaving.done()
            there.receive()
            leaving.result(30)
    finally:
        there.receive()


def test_a_standby_without_progress_is_given_up_and_comes_back(
    there: Standby, database: Database, keeper: DesignationKeeper, records: CellRecords, clock: Clock
) -> None:
    """After STALLED_SECONDS: first the record, and only then the row, so that nobody may promote it meanwhile."""
    decide(keeper, records, THERE)
    keeper.run_once()
    there.stop_receiving()
    try:
        write(database)
        assert row_of(keeper, database).standby == THERE
        clock.later += STALLED_SECONDS - 1
        assert row_of(keeper, database).standby == THERE
        assert records.read("us").standby == THERE
        clock.later += 1
        decide(keeper, records, "")
        assert database.read(read_gate).row.standby == THERE
        with pytest.raises(Unavailable):
            gate(database).wait("event", 0.2)
        until(lambda: row_of(keeper, database), lambda row: not row.standby)
        gate(database).wait("event")
    finally:
        there.receive()
    decide(keeper, records, THERE)


def test_only_one_keeper_decides(
    there: Standby, cell_server: CellServer, database: Database, keeper: DesignationKeeper, records: CellRecords
) -> None:
    """Another one waits for the session of the first to end."""
    decide(keeper, records, THERE)
    before = records.read("us")
    other_database = cell_server.database(size=1, user=KEEPER)
    other = DesignationKeeper([other_database], records, "us", HERE, [THERE])
    cell_server.run("UPDATE gate SET standby = '', joining = ''")  # what an idle keeper would have to mend
    other.run_once()
    assert database.read(read_gate).row.names == frozenset()
    keeper.end()
    until(lambda: row_of(other, database).names, bool)
    assert records.read("us").epoch == before.epoch
    other.end()
    other_database.close()


def test_a_standby_may_have_a_name_that_nobody_chose(
    there: Standby, cell_server: CellServer, database: Database, records: CellRecords
) -> None:
    """The record names its region, and the gate row its name; one that nobody knows is not taken for none."""
    cell_server.run("UPDATE gate SET standby = '', joining = '', generation = 0")
    keepers = cell_server.database(size=1, user=KEEPER)
    named = DesignationKeeper([keepers], records, "us", HERE, [FAR], names={THERE: FAR})
    decide(named, records, FAR)
    until(lambda: row_of(named, database), lambda row: (row.standby, row.joining) == (THERE, ""))
    write(database)
    gate(database).wait("event")
    cell_server.run("UPDATE gate SET standby = 'stranger'")
    named.run_once()
    assert (database.read(read_gate).row.standby, records.read("us").standby) == ("stranger", FAR)
    keepers.close()


@pytest.fixture
def synchronous(cell_server: CellServer, records: CellRecords, clock: Clock) -> Iterator[DesignationKeeper]:
    """As `keeper`, of a cell whose commits wait for the designated standby."""
    cell_server.run("UPDATE gate SET standby = '', joining = '', generation = 0")
    database = cell_server.database(size=1, user=KEEPER)
    made = DesignationKeeper([database], records, "us", HERE, [THERE, FAR], synchronous=True, monotonic=clock)
    yield made
    made.end()
    with database.statement() as statement:
        choose(statement, ())
    until(lambda: cell_server.run("SHOW synchronous_standby_names"), lambda rows: rows == [[""]])
    database.close()


def test_commits_wait_for_a_designated_synchronous_standby(
    there: Standby,
    cell_server: CellServer,
    database: Database,
    synchronous: DesignationKeeper,
    records: CellRecords,
    clock: Clock,
) -> None:
    """While it is away nothing is acknowledged; then it is given up, first by the record, and commits go on."""
    decide(synchronous, records, THERE)
    write(database)
    there.stop_receiving()
    try:
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(cell_server.connect().run, WRITE)  # a process would give up after some seconds
            until(lambda: cell_server.run(WAITING), lambda rows: len(rows) == 1)
            synchronous.run_once()
            clock.later += STALLED_SECONDS
            decide(synchronous, records, "")
            assert not waiting.done()
            until(lambda: row_of(synchronous, database), lambda row: not row.standby)
            waiting.result(30)
        write(database)
    finally:
        there.receive()
    decide(synchronous, records, THERE)


def test_a_standby_is_designated_only_once_commits_wait_for_it(
    there: Standby,
    cell_server: CellServer,
    database: Database,
    synchronous: DesignationKeeper,
    records: CellRecords,
) -> None:
    """They begin to when the checkpointer knows the setting; the standby's sender shows that it does long before."""
    checkpointer = psutil.Process(cell_server.run(CHECKPOINTER)[0][0])  # type: ignore[arg-type]
    checkpointer.suspend()
    try:
        until(lambda: row_of(synchronous, database).joining, lambda joining: joining == THERE)
        until(lambda: cell_server.run("SELECT sync_priority FROM pg_stat_replication"), lambda rows: rows == [[1]])
        write(database)  # acknowledged, whether it is there or not
        synchronous.run_once()
        assert records.read("us").standby == ""
    finally:
        checkpointer.resume()
    decide(synchronous, records, THERE)


def test_a_promoted_server_waits_for_nobody(
    cell_server: CellServer, synchronous: DesignationKeeper, records: CellRecords
) -> None:
    """Not even for whom the server had waited that it was copied from."""
    cell_server.run("UPDATE lease SET epoch = 1")
    cell_server.configure("synchronous_standby_names", "nobody")
    with standby_of(cell_server.server, FAR) as far:
        keepers = Database(lambda: cell_server.connect(KEEPER, far.port), Breakers().of("database", "far keeper", 1))
        assert far.run("SHOW synchronous_standby_names") == [["nobody"]]
        promote_server([keepers], 2, 1, asks=True)
        with keepers.statement() as statement:
            assert read_chosen(statement) == ""
        opened = Database(lambda: cell_server.connect(SERVICE, far.port), Breakers().of("database", "far", 1))
        write(opened)
        for each in (keepers, opened):
            each.close()
