"""Promotion: its order, its repetition, and what keeps a cell closed."""

from dataclasses import replace

from shared.cells.promotion import (
    PATIENCE_SECONDS,
    AskKnown,
    Audit,
    Compare,
    Open,
    PromoteServer,
    Promotion,
    TakeEpoch,
    lost_tail,
)
from shared.cells.record import CellRecord, opened, promoted

SEEN = CellRecord("us", "here", epoch=1, standby="there")


def _promoted() -> CellRecord:
    record = promoted(SEEN, SEEN, "there", "promoter")
    assert record is not None
    return record


def _compared() -> Promotion:
    machine = Promotion("there", ["as", "eu"], SEEN)
    assert machine.tick(0) == [TakeEpoch(SEEN, "there")]
    machine.on_record(_promoted(), 0)
    assert machine.tick(1) == [PromoteServer(2)]
    machine.on_promoted(1)
    assert machine.tick(1) == [Compare("as"), Compare("eu")]
    machine.on_compared("as")
    assert machine.tick(2) == [Compare("eu")]
    machine.on_compared("eu")
    assert machine.tick(3) == [AskKnown("as"), AskKnown("eu")]
    return machine


def test_the_steps_in_order() -> None:
    machine = _compared()
    for peer in ("as", "eu"):
        machine.on_known(peer, {"s": 2}, {"s": 2})
    assert machine.tick(4) == [Audit()]
    machine.on_audited(0, 4)
    assert machine.tick(5) == [Open(2)]
    record = opened(_promoted(), 2)
    assert record is not None
    machine.on_opened(record)
    assert machine.step == "serving"
    assert machine.tick(6) == []


def test_a_contradiction_keeps_the_cell_closed() -> None:
    machine = _compared()
    machine.on_known("as", {"s": 3}, {"s": 2})
    machine.on_known("eu", {}, {"s": 2})
    assert machine.tick(4) == []
    assert (machine.step, machine.contradictions) == ("stopped", {"s": 3})


def test_a_failed_audit_keeps_the_cell_closed() -> None:
    machine = _compared()
    for peer in ("as", "eu"):
        machine.on_known(peer, {}, {})
    machine.tick(4)
    machine.on_audited(1, 4)
    assert machine.tick(5) == []
    assert machine.step == "stopped"


def test_only_the_designated_standby_begins() -> None:
    assert Promotion("elsewhere", ["eu"], SEEN).tick(0) == []


def test_who_loses_the_race_for_the_epoch_stops() -> None:
    machine = Promotion("there", ["eu"], SEEN)
    machine.on_record(replace(SEEN, renewal=1), 0)
    assert machine.step == "stopped"


def test_another_promoter_of_the_region_goes_on() -> None:
    machine = Promotion("there", ["eu"], _promoted())
    assert machine.tick(0) == [PromoteServer(2)]


def test_who_does_not_answer_is_compared_later() -> None:
    machine = Promotion("there", ["as", "eu"], _promoted())
    machine.on_promoted(0)
    machine.on_compared("eu")
    assert machine.tick(PATIENCE_SECONDS) == [AskKnown("eu")]
    assert machine.unchecked == {"as"}


def test_the_lost_tail_is_listed() -> None:
    assert lost_tail([1, 2, 3, 4], {1, 2}.__contains__) == [3, 4]
