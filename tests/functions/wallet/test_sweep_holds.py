"""Holds past their time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.store import Work
from functions.wallet.sweep_holds import sweep_holds
from shared.contracts.decisions import Decision
from shared.errors import Unavailable
from tests.functions.wallet.holds import a_hold, place, story
from tests.island import TTL, Island
from tests.races import all_at_once
from tests.triggers import Triggers

PAST = TTL + timedelta(minutes=1)


class SilentOrders:
    """An order service that does not answer."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        raise Unavailable


def state(island: Island, hold_id: str) -> tuple[str, bool]:
    (row,) = island.books.rows("wallet", "SELECT status, firm FROM holds WHERE id = :id", id=hold_id)
    return row["status"], row["firm"]


def sweep(island: Island) -> None:
    """A sweep at a time when every hold of a test is past its own."""
    with island.later(PAST):
        island.run("sweep_holds")


def test_a_hold_within_its_time_is_left_alone(island: Island) -> None:
    """Nobody asks about it."""
    hold = a_hold(island.islander(USDC=10), 10)
    place(island, hold)
    island.run("sweep_holds")
    assert state(island, hold.hold_id) == ("placed", False)


def test_a_hold_of_a_confirmed_order_becomes_firm(island: Island) -> None:
    """Its order stands, so that it outlives its time, and the capture that comes late still succeeds."""
    somebody = island.islander(USDC=1000)
    order = island.confirm(island.place(somebody, (island.sell(island.islander()), 1)))
    sweep(island)
    assert state(island, order.hold_id) == ("placed", True)
    island.deliver("capture_hold", order.id)
    assert island.books.money(somebody.wallet_id) == (0, 0)


def test_a_hold_of_an_ended_order_is_released(island: Island) -> None:
    """Whatever cut off the release, the sweep finds it."""
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    island.record(order, order.fail("SOLD_OUT", "Nothing is left."))
    sweep(island)
    assert state(island, order.hold_id) == ("released", False)
    assert island.books.money(somebody.wallet_id) == (1000, 0)
    assert island.stream(order.hold_id)[1].data["reason"] == "expired"


def test_asking_about_a_pending_order_past_its_time_ends_it(island: Island) -> None:
    """The order expires by the question, so that the answer holds and the funds go back in the same sweep."""
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    sweep(island)
    assert [event.type for event in island.stream(order.id)] == ["order.placed", "order.expired"]
    assert island.books.money(somebody.wallet_id) == (1000, 0)


def test_a_hold_of_an_order_that_is_still_pending_waits(island: Island) -> None:
    """An order within its time decides for itself, even where the hold's own time is over."""
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1), ttl=PAST * 2)
    hold = a_hold(somebody, 1000)
    hold.order_id, hold.hold_id = order.id, order.hold_id
    place(island, hold)
    sweep(island)
    assert state(island, order.hold_id) == ("placed", False)
    assert [event.type for event in island.stream(order.id)] == ["order.placed"]


def test_a_hold_of_an_unknown_order_waits(island: Island) -> None:
    """Nobody decides about an order that is not there."""
    hold = a_hold(island.islander(USDC=10), 10)
    place(island, hold)
    sweep(island)
    assert state(island, hold.hold_id) == ("placed", False)
    assert story(island, hold) == ["hold.placed"]


def test_without_an_answer_nothing_is_released(island: Island) -> None:
    """An order service that is down leaves holds as they are."""
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    island.record(order, order.cancel())
    work: Any = Work(island.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with island.later(PAST), pytest.raises(Unavailable):
        sweep_holds(work)
    assert state(island, order.hold_id) == ("placed", False)
    with island.later(PAST * 2):
        island.run("sweep_holds")
    assert state(island, order.hold_id) == ("released", False)


def test_holds_that_wait_do_not_keep_others(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    """More holds than a run takes belong to orders that nobody knows: one behind them is released all the same."""
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCH", 2)
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCHES", 1)
    waiting = [a_hold(island.islander(USDC=10), 10, within=timedelta(minutes=1)) for _ in range(3)]
    place(island, *waiting)
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    island.record(order, order.cancel())
    with island.later(PAST):
        for _ in range(100):
            if not any(island.run("sweep_holds").values()):
                break
        assert state(island, order.hold_id) == ("released", False)
        assert {state(island, hold.hold_id) for hold in waiting} == {("placed", False)}
    checks = "SELECT checks FROM holds WHERE id = ANY(:ids::text[])"
    assert {row["checks"] for row in island.books.rows("wallet", checks, ids=[hold.hold_id for hold in waiting])} == {1}


def test_what_cannot_be_asked_waits_behind_others(island: Island) -> None:
    """An order service that is down costs a hold its turn, so that the next run begins with others."""
    hold = a_hold(island.islander(USDC=10), 10)
    place(island, hold)
    work: Any = Work(island.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with island.later(PAST):
        with pytest.raises(Unavailable):
            sweep_holds(work)
        [row] = island.books.rows("wallet", "SELECT checks, next_check_at FROM holds WHERE id = :id", id=hold.hold_id)
        assert row["checks"] == 0
        assert row["next_check_at"] > work.now()


def test_sweeps_at_once_release_once(island: Island) -> None:
    """Sweeps that meet each other and the order's own release give the funds back once."""
    somebody = island.islander(USDC=1000)
    supply = island.sell(island.islander())
    order = island.place(somebody, (supply, 1), ttl=-TTL)
    assert island.orders.wallet.hold(order) is None
    sweeps = [lambda: bool(island.run("sweep_holds"))] * 4
    all_at_once([*sweeps, lambda: island.orders.wallet.release(order)])
    assert island.books.money(somebody.wallet_id) == (1000, 0)
    assert [event.type for event in island.stream(order.hold_id)] == ["hold.placed", "hold.released"]


def test_the_scheduler_starts_it(triggers: Triggers) -> None:
    """It answers with what it did."""
    assert set(triggers.start("sweep_holds")) == {"firm", "released", "postponed"}
