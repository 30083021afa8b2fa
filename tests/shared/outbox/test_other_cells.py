"""A row receives what is for its cell of other cells' events, once, whatever is lost; a dead cell holds up no other."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
import pytest

from shared import ids
from shared.bus.transport import AddressedEvent
from shared.contracts.events import StoredEvent, message_class
from shared.contracts.gen.events_pb2 import ListRequest, ListResponse
from shared.errors import CellUnreachable
from shared.outbox.addressing import addressed, receivers, receives, stores_of
from shared.outbox.comparison import COMPARE_EVERY, SETTLED_AFTER, Comparison
from shared.outbox.inbox import GAP_WAIT, Inbox
from shared.outbox.log import SQL, StreamPart
from shared.outbox.relay import Relay
from shared.outbox.replication import ReplicationLevel, lag_by_cell
from shared.postgres.database import Database
from shared.postgres.notify import discard
from shared.registry import Registry, Row, load
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, nobody
from tests.shared.outbox.sample_events import NOBODY, ROW, TYPE, event, stream
from tests.shared.outbox.test_replay import Store

CELLS: Final = ("us", "eu", "as")


def between(giver: str, receiver: str) -> str:
    """A new stream between two cells."""
    return ids.between("quo", giver, receiver, ids.new("sup", giver))


class Cell:
    """A cell with a store of its own, and a consumer of the others' events."""

    def __init__(self, cell: str, database: Database, clock: FakeClock) -> None:
        self.cell, self.clock, self.database = cell, clock, database
        self.store = Store(database, cell=cell)
        self.consumer = Consumer(database, clock, cells="others", cell=cell, receiver="user_id")
        self.down = False
        self._comparisons: dict[str, Comparison] = {}

    def list(self, owner: str, request: ListRequest) -> ListResponse:
        """As Events.List of this cell's host answers."""
        if self.down:
            raise CellUnreachable(self.cell)
        return self.store.list(owner, request)

    def read(self, event_type: str, name: str, from_version: int, types: Sequence[str]) -> StreamPart:
        """As Events.Read of this cell's host answers."""
        if self.down:
            raise CellUnreachable(self.cell)
        with self.database.transaction() as transaction:
            return self.store.log(transaction).read_types(name, from_version, types)

    def look_after(self, other: "Cell") -> int:
        """As this cell's worker does for another cell, in a thread of its own. Returns how many events it applied."""
        if other.cell not in self._comparisons:
            self._comparisons[other.cell] = Comparison(
                self.consumer.row, self.database, other.list, self.clock, self.cell, other.cell
            )
        self._comparisons[other.cell].follow()
        applied = 0
        while found := self.consumer.inbox.fill_gaps(other.read, other.cell):
            applied += found
        return applied


@pytest.fixture
def cells(database: Database, clock: FakeClock) -> dict[str, Cell]:
    """Three cells; their tables are the same, and their streams and consumers are not."""
    return {cell: Cell(cell, database, clock) for cell in CELLS}


def settle(cells: dict[str, Cell], clock: FakeClock) -> None:
    """Let time pass until every consumer has found what it lacks."""
    for wait in (COMPARE_EVERY, SETTLED_AFTER, COMPARE_EVERY, GAP_WAIT, timedelta(minutes=6), timedelta(minutes=6)):
        for one in cells.values():
            for other in cells.values():
                if one is not other:
                    one.look_after(other)
        clock.moment += wait


def test_a_row_receives_what_is_for_its_cell() -> None:
    """Other cells' streams, but for those between two others; each only from the cell that it is of."""
    row = Row(service="claiming", name="thing", event=[TYPE], replay="fill", scale="event", cells="others")
    every = msgspec.structs.replace(row, cells="all")
    assert receives(row, stream("eu"), "us", "eu")
    assert not receives(row, stream("us"), "us", "us")
    assert receives(every, stream("us"), "us", "us")
    assert not receives(every, stream("us"), "us", "eu")
    assert not receives(row, stream("eu"), "us", "as")
    assert receives(row, between("eu", "us"), "us", "eu")
    assert not receives(row, between("eu", "as"), "us", "eu")
    assert not receives(row, between("us", "eu"), "us", "us")
    own = msgspec.structs.replace(row, cells="own")
    assert receives(own, stream("eu"), "us", "us")


def test_a_field_names_the_cell_that_receives() -> None:
    """The relay sends to it alone, to nobody if it is the event's own, and to each where nobody is named."""
    row = Row(
        service="claiming", name="thing", event=[TYPE], replay="fill", scale="event", cells="others", receiver="user_id"
    )
    every = msgspec.structs.replace(row, receiver=None)
    name, others = stream("us"), ("eu", "as")
    for cell, to in (("eu", ["eu"]), ("us", []), (None, ["eu", "as"])):
        data = {"user_id": ids.new("usr", cell) if cell else NOBODY}
        assert receivers(row, name, data, "us", others) == to
        assert [each for each in others if receives(row, name, each, "us", data)] == to
        assert receivers(every, name, data, "us", others) == ["eu", "as"]
    assert receivers(row, between("us", "as"), {}, "us", others) == ["as"]
    assert receivers(msgspec.structs.replace(every, cells="own"), between("us", "as"), {}, "us", others) == ["us"]
    assert receivers(msgspec.structs.replace(every, cells="all"), name, {}, "us", others) == ["us", "eu", "as"]


def test_all_events_say_whom_they_are_for() -> None:
    """Each type of a row with a receiver has that field: one that lacked it would go to every cell."""
    named = [row for row in load().event_rows() if row.receiver]
    assert [row.name for row in named] == ["notify_webhooks"]
    for row in named:
        for event_type in row.event or ():
            assert row.receiver in message_class(event_type).DESCRIPTOR.fields_by_name


def test_what_is_in_firestore_is_compared_at_home() -> None:
    """Every cell's identity service has it; of other sources each cell has its own."""
    sessions = msgspec.structs.replace(load().rows["end_sessions"], cells="all")
    claims = msgspec.structs.replace(load().rows[ROW], cells="all")
    assert stores_of(sessions, "us", ["eu", "as"]) == ["us"]
    assert stores_of(claims, "us", ["eu", "as"]) == ["us", "eu", "as"]
    assert receives(sessions, ids.new("ses", "eu"), "us", "as")


def test_an_inbox_of_other_cells_knows_its_own(database: Database, clock: FakeClock) -> None:
    """Without it, it could not tell what is for others."""
    row = Row(service="claiming", name="thing", event=[TYPE], replay="fill", scale="event", cells="others")
    with pytest.raises(ValueError, match="which is its own"):
        Inbox(row, database, lambda *_: None, clock)
    with pytest.raises(ValueError, match="which is its own"):
        Comparison(row, database, lambda *_: ListResponse(), clock)


def test_what_is_for_others_leaves_no_trace(cells: dict[str, Cell]) -> None:
    """Neither an effect nor a row in the inbox, one by one or in a batch; undecodable or not."""
    consumer, foreign = cells["us"].consumer, [between("eu", "as"), stream("us"), between("us", "eu")]
    assert consumer.receive(*(event(name, 1) for name in foreign)) == ["foreign"] * 3
    mine = between("eu", "us")
    batch = [event(foreign[0], 2), event(mine, 1), event(foreign[1], 2)]
    assert consumer.inbox.receive_batch(batch) == ["foreign", "applied", "foreign"]
    consumer.inbox.note_gap(event(foreign[0], 5))
    assert consumer.effects() == 1
    with cells["us"].database.transaction() as transaction:
        rows = SQL.page_consumed(transaction, consumer=consumer.name, after="", most=10)
    assert [row["stream"] for row in rows] == [mine]


def test_what_another_cell_writes_into_a_stream_is_ignored(cells: dict[str, Cell]) -> None:
    """Only a stream's own cell writes it: a version of it that is in another store is none."""
    name = stream("eu")
    stray = msgspec.structs.replace(event(name, 1), id=ids.new("evt", "as"))
    assert cells["us"].consumer.receive(stray, event(name, 1)) == ["foreign", "applied"]


def test_what_is_missing_is_found_in_its_own_cell(cells: dict[str, Cell], clock: FakeClock) -> None:
    """Whole streams and the ends of them; of what two others have between them nothing is missing."""
    plain, pair, foreign = stream("eu"), between("eu", "us"), between("eu", "as")
    for name in (plain, pair, foreign):
        cells["eu"].store.append(name, 0, 3)
    cells["us"].consumer.receive(event(plain, 1))
    settle(cells, clock)
    assert (cells["us"].consumer.applied(plain), cells["us"].consumer.applied(pair)) == ([1, 2, 3], [1, 2, 3])
    assert cells["us"].consumer.applied(foreign) == []
    assert cells["as"].consumer.applied(foreign) == [1, 2, 3]
    assert cells["eu"].consumer.effects() == 0


def test_a_cell_that_is_away_holds_up_no_other(cells: dict[str, Cell], clock: FakeClock) -> None:
    """However many streams of it have gaps; and when it is back, nothing of it is lost."""
    lost, found = [stream("eu") for _ in range(120)], stream("as")
    for name in (*lost, found):
        cells[ids.parse(name, "clm").cell].store.append(name, 0, 2)
        cells["us"].consumer.receive(event(name, 2))
    cells["eu"].down = True
    clock.moment += GAP_WAIT + timedelta(seconds=1)
    assert cells["us"].look_after(cells["eu"]) == 0
    assert cells["us"].look_after(cells["as"]) == 1
    assert cells["us"].consumer.applied(found) == [1, 2]
    cells["eu"].down = False
    settle(cells, clock)
    assert {tuple(cells["us"].consumer.applied(name)) for name in lost} == {(1, 2)}


def test_each_cell_is_compared_up_to_a_position_of_its_own(cells: dict[str, Cell], clock: FakeClock) -> None:
    """Stored by source and cell: positions of one store say nothing of another's."""
    cells["eu"].store.append(stream("eu"), 0, 1)
    settle(cells, clock)
    with cells["us"].database.transaction() as transaction:
        sql = "select source from compared where consumer = :name order by source"
        rows = transaction.run(sql, {"name": cells["us"].consumer.name})
    assert [row["source"] for row in rows] == ["claiming@eu"]


def test_own_streams_are_not_left_to_others(database: Database, clock: FakeClock) -> None:
    """A row of all cells has its own cell's gaps filled at home, and no cell's twice."""
    every = Consumer(database, clock, cells="all", cell="us")
    mine, theirs = stream("us"), stream("eu")
    every.receive(event(mine, 2), event(theirs, 2))
    clock.moment += GAP_WAIT + timedelta(seconds=1)
    asked: list[str] = []

    def read(event_type: str, name: str, from_version: int, types: Sequence[str]) -> StreamPart:
        asked.append(name)
        return StreamPart([event(name, version) for version in (1, 2)], 2)

    assert every.inbox.fill_gaps(read, None, ["eu", "as"]) == 1
    assert every.inbox.fill_gaps(nobody, "as") == 0
    assert (every.applied(mine), every.applied(theirs)) == ([1, 2], [])
    assert every.inbox.fill_gaps(read, "eu") == 1
    assert (every.applied(theirs), asked) == ([1, 2], [mine, theirs])


def level_of(cells: dict[str, Cell], cell: str) -> float | None:
    """By how many seconds us is behind a cell, as stored."""
    one = cells["us"]
    with one.database.transaction() as transaction:
        return lag_by_cell(transaction, [one.consumer.row], [cell], one.clock)[cell]


def test_the_lag_grows_while_something_is_missing(cells: dict[str, Cell], clock: FakeClock) -> None:
    """Or while the cell cannot be asked; it is not known before both have been level once."""
    us, eu, name = cells["us"], cells["eu"], stream("eu")
    comparison = Comparison(us.consumer.row, us.database, eu.list, clock, "us", "eu")
    level = ReplicationLevel(us.consumer.row, us.database, comparison, clock)
    eu.store.append(name, 0, 1)
    level.probe()
    assert level_of(cells, "eu") is None
    us.consumer.receive(event(name, 1))
    level.probe()
    assert level_of(cells, "eu") == 0
    clock.pass_by(seconds=7)
    eu.store.append(name, 1, 1)
    eu.store.append(between("eu", "as"), 0, 1)  # not for this cell
    level.probe()
    assert level_of(cells, "eu") == 7
    us.consumer.receive(event(name, 2))
    level.probe()
    assert level_of(cells, "eu") == 0
    eu.down = True
    clock.pass_by(seconds=3)
    with pytest.raises(CellUnreachable):
        level.probe()
    assert (level_of(cells, "eu"), level_of(cells, "as")) == (3, None)


def with_row(cells: str) -> Registry:
    """The registry with the row that handles TYPE receiving other cells' events."""
    rows = {**load().rows, ROW: msgspec.structs.replace(load().rows[ROW], cells=cells)}
    return msgspec.structs.replace(load(), operations=rows)


def test_nothing_is_published_for_cells_that_are_not_there() -> None:
    """With one cell a row of others has no topic; with several its events are for it, and a row of all always."""
    sent = event(stream(), 1)
    assert addressed(sent, [], with_row("others")).to == {}
    abroad = addressed(sent, [], with_row("others"), "us", ["eu", "as"])
    assert (abroad.to, abroad.cells) == ({ROW: 0}, {ROW: ["eu", "as"]})
    assert addressed(event(between("us", "as"), 1), [], with_row("others"), "us", ["eu", "as"]).cells == {ROW: ["as"]}
    assert addressed(sent, [], with_row("all")).to == {ROW: 0}


class Recording:
    """A bus that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[AddressedEvent] = []

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        self.sent += events
        return [True] * len(events)


@pytest.mark.usefixtures("nothing_unsent")
def test_a_relay_knows_whether_there_are_other_cells(cells: dict[str, Cell], database: Database) -> None:
    """It is told so; what it has for nobody counts as sent either way."""
    for others, to in ((["eu"], {ROW: 0}), ([], {})):
        cells["us"].store.append(stream(), 0, 1)
        bus, session = Recording(), database.dedicated()
        relay = Relay("claiming", database, bus, lambda: with_row("others"), own="us", others=others)
        relay.lead(session)
        relay.drain()
        relay.settle()
        discard(session)
        assert [each.to for each in bus.sent] == [to]


@pytest.mark.parametrize("seed", range(5))
def test_everything_arrives_once_whatever_is_lost(seed: int, cells: dict[str, Cell], clock: FakeClock) -> None:
    """Random events of three cells, to all others or to one; deliveries are lost, repeated, late and out of order."""
    dice = random.Random(seed)
    pairs = {cell: [between(cell, other) for other in CELLS if other != cell] for cell in CELLS}
    users = {stream(cell): ids.new("usr", concerned) for cell in CELLS for concerned in CELLS}
    names = {cell: [stream(cell), *pairs[cell], *(n for n in users if ids.source_of(n) == cell)] for cell in CELLS}
    last = {name: 0 for listed in names.values() for name in listed}
    waiting: list[tuple[str, StoredEvent]] = []
    for _ in range(40):
        giver = dice.choice(CELLS)
        name = dice.choice(names[giver])
        user_id = users.get(name, NOBODY)
        cells[giver].store.append(name, last[name], 1, user_id=user_id)
        last[name] += 1
        sent = event(name, last[name], user_id=user_id)
        others = [cell for cell in CELLS if cell != giver]
        addressees = receivers(cells[giver].consumer.row, name, sent.data, giver, others)
        for receiver in dice.choice([addressees, others]):  # Kafka, and a relay of an earlier release, send to all
            if dice.random() > 0.3:
                waiting += [(receiver, sent)] * dice.randint(1, 2)
        cells[dice.choice(CELLS)].down = dice.random() < 0.2
        if dice.random() < 0.3:
            dice.shuffle(waiting)
            for receiver, sent in waiting[: len(waiting) // 2]:
                cells[receiver].consumer.receive(sent)
            waiting = waiting[len(waiting) // 2 :]
        if dice.random() < 0.2:
            settle(cells, clock)
    for one in cells.values():
        one.down = False
    settle(cells, clock)
    settle(cells, clock)
    for name, version in last.items():
        for cell in CELLS:
            named = ids.receiver_of(name) or ids.cell_of(users.get(name, NOBODY))
            wanted = ids.source_of(name) != cell and named in (None, cell)
            assert cells[cell].consumer.applied(name) == list(range(1, version + 1) if wanted else ()), (
                seed,
                name,
                cell,
            )
