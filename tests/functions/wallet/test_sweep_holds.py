"""Holds past their time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.store import Work
from functions.wallet.sweep_holds import sweep_holds
from shared.contracts.decisions import Decision
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest
from shared.errors import Unavailable
from shared.jobs.failures import FIRST_PAUSE
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
    sweep(island)
    somebody = island.islander(USDC=1000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    island.record(order, order.cancel())
    work: Any = Work(island.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with island.later(PAST):
        assert sweep_holds(work)["failed"] == 1
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


def asked(island: Island, holds: Sequence[PlaceHoldRequest.Hold]) -> list[str]:
    """Those of these holds about whose orders somebody was asked in vain."""
    sql = "SELECT id FROM holds WHERE id = ANY(:ids::text[]) AND checks > 0"
    return [row["id"] for row in island.books.rows("wallet", sql, ids=[hold.hold_id for hold in holds])]


def test_what_cannot_be_asked_waits_behind_others(island: Island) -> None:
    """An order service that is down ends the run; three holds wait for it, and the next run begins with others.

    Holds of no order are released all the same: nobody has to be asked about them.
    """
    somebody = island.islander(USDC=100)
    sweep(island)
    holds = [a_hold(island.islander(USDC=10), 10) for _ in range(4)]
    free = a_hold(somebody, 10)
    free.order_id = ""
    place(island, *holds, free)
    work: Any = Work(island.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with island.later(PAST):
        with pytest.raises(Unavailable):
            sweep_holds(work)
        assert state(island, free.hold_id) == ("released", False)
        assert asked(island, holds) == []
        failing = set(island.failing("wallet", "sweep_holds"))
        island.run("sweep_holds")
        assert set(asked(island, holds)) == {hold.hold_id for hold in holds} - failing
    with island.later(PAST + FIRST_PAUSE):
        island.run("sweep_holds")
    assert len(asked(island, holds)) == 4
    assert island.failing("wallet", "sweep_holds") == []


def test_a_poisoned_first_hold_holds_up_nobody(island: Island) -> None:
    """Its account says that nothing is held, so that releasing it breaks: the others are released all the same."""
    sweep(island)
    people = [island.islander(USDC=1000) for _ in range(3)]
    supply = island.sell(island.islander())
    orders = [island.place(somebody, (supply, 1), ttl=-TTL * (5 - n)) for n, somebody in enumerate(people)]
    for order in orders:
        assert island.orders.wallet.hold(order) is None
    change = "UPDATE accounts SET held = held + :amount WHERE wallet_id = :wallet"
    island.tamper("wallet", change, amount=-1000, wallet=people[0].wallet_id)
    done = island.run("sweep_holds")
    assert (done["released"], done["failed"]) == (2, 1)
    assert [state(island, order.hold_id)[0] for order in orders] == ["placed", "released", "released"]
    assert island.failing("wallet", "sweep_holds") == [orders[0].hold_id]
    assert island.run("sweep_holds")["failed"] == 0  # it backs off
    island.tamper("wallet", change, amount=1000, wallet=people[0].wallet_id)
    with island.later(FIRST_PAUSE):
        assert island.run("sweep_holds")["released"] == 1
    assert island.failing("wallet", "sweep_holds") == []


def test_turns_are_fair_between_users(island: Island, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who has many holds past their time does not come before everybody else with all of them."""
    sweep(island)
    many, few, supply = island.islander(USDC=9000), island.islander(USDC=1000), island.sell(island.islander())
    orders = [island.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(island.place(few, (supply, 1), ttl=-TTL))
    for order in orders:
        assert island.orders.wallet.hold(order) is None
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCH", 2)
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCHES", 1)
    island.run("sweep_holds")
    assert [state(island, order.hold_id)[0] for order in orders] == ["released", *["placed"] * 3, "released"]


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
    assert set(triggers.start("sweep_holds")) == {"firm", "released", "postponed", "failed"}
