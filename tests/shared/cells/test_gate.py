"""The gate: what may leave, and who is designated."""

from dataclasses import replace

from shared.cells.gate import (
    JOIN_SECONDS,
    STALLED_SECONDS,
    Designate,
    Designation,
    GateRow,
    WriteRow,
    passage,
    watermark,
)
from shared.cells.record import CellRecord, designated

RECORD = CellRecord("us", "here")


def test_what_may_leave() -> None:
    row = GateRow("a")
    assert passage("event", 10, row, {"a": 10}, "open") == "leave"
    assert passage("event", 11, row, {"a": 10}, "open") == "wait"
    assert passage("event", 1, row, {"b": 10}, "open") == "wait"  # the designated one is not connected
    assert passage("event", 11, GateRow("a", "b"), {"a": 20, "b": 10}, "open") == "wait"
    assert watermark(GateRow(), {"a": 10}) is None


def test_without_a_designated_standby_all_leaves_or_what_cannot_be_undone_is_held_back() -> None:
    assert passage("withdrawal", 11, GateRow(), {}, "open") == "leave"
    assert passage("withdrawal", 11, GateRow(), {}, "strict") == "refuse"
    assert passage("voucher", 11, GateRow(), {}, "strict") == "refuse"
    assert passage("event", 11, GateRow(), {}, "strict") == "leave"


def _designate(record: CellRecord, effect: object) -> CellRecord:
    assert isinstance(effect, Designate)
    after = designated(record, effect.epoch, effect.generation, effect.standby)
    assert after is not None
    return after


def test_a_standby_joins_before_it_is_designated() -> None:
    machine = Designation(1)
    row = GateRow()
    assert machine.tick(0, RECORD, row, {"a": 5}, 10) == []  # it lags, for all that is known
    assert machine.tick(1, RECORD, row, {"a": 10}, 20) == [WriteRow(row, GateRow(joining="a"))]
    row = GateRow(joining="a")
    assert machine.tick(2, RECORD, row, {"a": 15}, 30) == []  # what may have left under the row before is below 30
    [effect] = machine.tick(3, RECORD, row, {"a": 30}, 40)
    record = _designate(RECORD, effect)
    assert machine.tick(4, record, row, {"a": 30}, 50) == [WriteRow(row, GateRow("a", generation=1))]
    assert machine.tick(5, RECORD, GateRow("a", generation=1), {"a": 50}, 50) == []  # a delayed record


def test_a_standby_is_designated_only_for_what_was_acknowledged_with_it() -> None:
    """In a synchronous cell it has to have all that was committed before commits were known to wait for it."""
    machine, row, flushed = Designation(1), GateRow(joining="a"), {"a": 30}
    assert machine.tick(0, RECORD, row, flushed, 10, waited=[]) == []  # it has that; 40 may be acknowledged meanwhile
    assert machine.tick(1, RECORD, row, flushed, 40, waited=["a"]) == []
    assert machine.tick(1.5, RECORD, row, {"a": 40}, 45, waited=["a"]) == [Designate(1, 0, "a")]


def test_a_standby_that_commits_do_not_wait_for_is_given_up() -> None:
    machine, row = Designation(1), GateRow(joining="a")
    assert machine.tick(0, RECORD, row, {"a": 10}, 10, waited=[]) == []
    assert machine.tick(JOIN_SECONDS, RECORD, row, {"a": 20}, 20, waited=[]) == [Designate(1, 0, "")]


def test_a_joining_standby_that_lags_is_given_up_safely() -> None:
    machine = Designation(1)
    row = GateRow(joining="a")
    assert machine.tick(0, RECORD, row, {"a": 1}, 10) == []
    [effect] = machine.tick(JOIN_SECONDS, RECORD, row, {"a": 1}, 10)
    record = _designate(RECORD, effect)
    assert record.standby == ""
    delayed = Designate(1, 0, "a")  # of before, still on its way
    assert designated(record, delayed.epoch, delayed.generation, delayed.standby) is None
    assert machine.tick(JOIN_SECONDS + 1, record, row, {"a": 1}, 10) == [WriteRow(row, GateRow(generation=1))]


def test_a_standby_without_progress_is_undesignated_record_first() -> None:
    machine = Designation(1)
    row, record = GateRow("a", generation=1), replace(RECORD, standby="a", generation=1)
    assert machine.tick(0, record, row, {"a": 10}, 10) == []
    assert machine.tick(1, record, row, {"a": 10}, 20) == []
    assert machine.tick(STALLED_SECONDS - 1, record, row, {"a": 15}, 20) == []  # progress
    assert machine.tick(STALLED_SECONDS + 1, record, row, {}, 30) == []
    [effect] = machine.tick(2 * STALLED_SECONDS - 1, record, row, {}, 30)
    record = _designate(record, effect)
    assert record.standby == ""
    assert machine.tick(30, record, row, {}, 30) == [WriteRow(row, GateRow(generation=2))]


def test_an_idle_standby_is_not_undesignated() -> None:
    machine = Designation(1)
    row, record = GateRow("a", generation=1), replace(RECORD, standby="a", generation=1)
    assert [machine.tick(at, record, row, {"a": 10}, 10) for at in (0, 20, 40)] == [[], [], []]


def test_another_standby_takes_over_once_it_has_passed_the_old_watermark() -> None:
    machine = Designation(1)
    row, record = GateRow("a", generation=1), replace(RECORD, standby="a", generation=1)
    assert machine.switch(row, "a") == []
    assert machine.switch(row, "b") == [WriteRow(row, GateRow("a", "b", 1))]
    row = GateRow("a", "b", 1)
    assert machine.tick(0, record, row, {"a": 10, "b": 5}, 10) == []
    [effect] = machine.tick(1, record, row, {"a": 10, "b": 10}, 10)
    record = _designate(record, effect)
    assert machine.tick(2, record, row, {"a": 10, "b": 10}, 10) == [WriteRow(row, GateRow("b", generation=2))]


def test_another_epoch_ends_it() -> None:
    assert Designation(1).tick(0, replace(RECORD, epoch=2), GateRow("a"), {}, 10) == []
