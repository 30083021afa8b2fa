"""The gate on a real server with real standbys: what leaves is flushed where the cell may be promoted."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.cloud.firestore import Client

from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.cells.designation import DesignationKeeper
from shared.cells.gate import STALLED_SECONDS, GateRow, Mode
from shared.errors import Unavailable
from shared.firestore.cell_records import CellRecords
from shared.postgres.database import Database
from shared.postgres.gate import Gate, read_gate
from shared.postgres.roles import KEEPER
from shared.resilience.breakers import Breakers
from tests.shared.cells.conftest import CellServer
from tests.standby import Standby, standby_of

HERE, THERE, FAR = "us-central1", "europe-west1", "asia-east1"


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


@pytest.fixture
def keeper(cell_server: CellServer, records: CellRecords) -> Iterator[DesignationKeeper]:
    """What designates, on a gate row that names nobody."""
    cell_server.run("UPDATE gate SET standby = '', joining = '', generation = 0")
    database = cell_server.database(size=1, user=KEEPER)
    made = DesignationKeeper([database], records, "us", HERE, [THERE, FAR])
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
    there: Standby, database: Database, keeper: DesignationKeeper, records: CellRecords
) -> None:
    """After STALLED_SECONDS: first the record, and only then the row, so that nobody may promote it meanwhile."""
    decide(keeper, records, THERE)
    keeper.run_once()
    there.stop_receiving()
    try:
        write(database)
        decide(keeper, records, "", STALLED_SECONDS + 20)
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
