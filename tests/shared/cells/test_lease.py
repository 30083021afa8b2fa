"""The lease: what the database refuses, who acknowledges, and whose clock ends first."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cells.lease import (
    DRIFT_SECONDS,
    LEASE_SECONDS,
    MARGIN_SECONDS,
    Fenced,
    Keeper,
    LeaseRow,
    ReadClock,
    Renew,
    Watcher,
    WriteLease,
    fence,
    verdict,
)
from shared.cells.record import CellRecord, renewed

RECORD = CellRecord("us", "here")
LONGEST = LEASE_SECONDS - MARGIN_SECONDS


def test_the_fence_refuses_all_but_the_holder_within_its_time() -> None:
    row = LeaseRow(2, until=104.0, started=50.0)
    assert fence(row, 2, 100.0, 50.0) == 4.0
    for epoch, clock, started, reason in (
        (1, 100.0, 50.0, "epoch"),
        (2, 100.0, 99.0, "restarted"),
        (2, 104.0, 50.0, "ended"),
        (2, 104.0 - LONGEST - 0.001, 50.0, "stepped back"),
    ):
        with pytest.raises(Fenced, match=reason):
            fence(row, epoch, clock, started)
    with pytest.raises(Fenced):
        fence(LeaseRow(2), 2, 100.0, 50.0)


def test_who_acknowledges() -> None:
    assert verdict(10.0, 2.0, 11.9, warned=False) == "acknowledged"
    assert verdict(10.0, 2.0, 12.0, warned=False) == "unknown"  # paused
    assert verdict(10.0, 2.0, 11.0, warned=True) == "unknown"  # the wait for a standby was cancelled


def _round(keeper: Keeper, at: float, clock: float, record: CellRecord | None = RECORD) -> list[object]:
    [read] = keeper.tick(at)
    assert isinstance(read, ReadClock)
    effects: list[object] = list(keeper.on_clock(read.round, clock, 1.0, at))
    return effects + list(keeper.on_renewed(read.round, record))


def test_the_clock_is_read_before_the_renewal() -> None:
    keeper = Keeper(3)
    assert _round(keeper, 0.0, 500.0) == [Renew(1, 3), WriteLease(LeaseRow(3, 500.0 + LONGEST, 1.0))]


def test_one_renewal_is_under_way_at_a_time_and_an_old_one_does_not_count() -> None:
    keeper = Keeper(1)
    [read] = keeper.tick(0.0)
    assert isinstance(read, ReadClock)
    assert keeper.tick(1.0) == []
    assert keeper.tick(2.0) == [ReadClock(2)]
    assert keeper.on_clock(read.round, 500.0, 1.0, 2.1) == []
    assert keeper.on_renewed(read.round, RECORD) == []


def test_a_clock_that_stepped_back_ends_the_lease_before_it_is_renewed() -> None:
    keeper = Keeper(1)
    _round(keeper, 0.0, 500.0)
    assert _round(keeper, 1.0, 498.0)[0] == WriteLease(LeaseRow(1, 498.0, 1.0))
    assert not isinstance(_round(keeper, 2.0, 499.0)[0], WriteLease)
    assert not isinstance(_round(keeper, 3.0, 510.0)[0], WriteLease)  # forwards shortens by itself


def test_a_keeper_that_lost_its_cell_stops() -> None:
    keeper = Keeper(1)
    assert _round(keeper, 0.0, 500.0, None) == [Renew(1, 1)]
    assert keeper.lost
    assert keeper.tick(5.0) == []


def test_a_watcher_counts_from_when_it_has_read_the_last_renewal() -> None:
    watcher = Watcher()
    assert watcher.expired(100.0) is None
    watcher.observe(RECORD, 0.0)
    assert watcher.expired(LEASE_SECONDS) is None
    later = renewed(RECORD, "here", 1, "keeper")
    assert later is not None
    watcher.observe(later, 4.0)
    assert watcher.expired(LEASE_SECONDS + DRIFT_SECONDS) is None
    assert watcher.expired(4.0 + LEASE_SECONDS + DRIFT_SECONDS) == later


@given(
    rates=st.tuples(*[st.floats(0.99, 1.01)] * 3),
    step=st.floats(0, 0.3),
    renewal=st.floats(0, 1.9),
    seen=st.floats(0, 1),
    message=st.floats(0, 30),
)
def test_a_promoter_waits_longer_than_the_holder_writes(
    rates: tuple[float, float, float], step: float, renewal: float, seen: float, message: float
) -> None:
    """Whatever the rates of the clocks, a step back of the database's, and the delays of steps.

    Times are true ones: the database's clock is read at 0, the renewal takes effect at `renewal`, the promoter sees it
    `seen` later, and somebody sends a commit at `message`.
    """
    database, process, promoter = rates
    keeper = Keeper(1)
    [_, write] = _round(keeper, 0.0, 1000.0)
    assert isinstance(write, WriteLease)
    watcher = Watcher()
    watcher.observe(RECORD, (renewal + seen) * promoter)
    promoted_at = next(
        each / 100 for each in range(10_000) if watcher.expired(each / 100 * promoter) is not None
    )  # no earlier than this
    try:
        left = fence(write.row, 1, 1000.0 + message * database - step, 1.0)
    except Fenced:
        return
    last = left / process  # how long after the message it may acknowledge
    assert message + last < promoted_at
    assert not math.isinf(last)
