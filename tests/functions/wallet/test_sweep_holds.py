"""Sweeping expired holds."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.wallet.adapters.work import Work
from functions.wallet.sweep_holds import sweep_holds
from shared.contracts.decisions import Decision
from shared.contracts.gen.wallet_pb2 import PlaceHoldRequest
from shared.errors import Unavailable
from shared.jobs.failures import FIRST_PAUSE
from tests.functions.wallet.holds import a_hold, place, story
from tests.isolated_services import TTL, IsolatedServices
from tests.races import all_at_once
from tests.triggers import Triggers

PAST = TTL + timedelta(minutes=1)


class SilentOrders:
    """An order service that does not answer."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        raise Unavailable


def state(isolated: IsolatedServices, hold_id: str) -> tuple[str, bool]:
    (row,) = isolated.probe.rows("wallet", "SELECT status, firm FROM holds WHERE id = :id", id=hold_id)
    return row["status"], row["firm"]


def sweep(isolated: IsolatedServices) -> None:
    """A sweep at a time when all holds of the test have expired."""
    with isolated.later(PAST):
        isolated.run("sweep_holds")


def test_a_hold_within_its_time_is_left_alone(isolated: IsolatedServices) -> None:
    """It is not checked."""
    hold = a_hold(isolated.new_user(USDC=10), 10)
    place(isolated, hold)
    isolated.run("sweep_holds")
    assert state(isolated, hold.hold_id) == ("placed", False)


def test_a_hold_of_a_confirmed_order_becomes_firm(isolated: IsolatedServices) -> None:
    """Its order is confirmed, so that it does not expire, and a late capture still succeeds."""
    somebody = isolated.new_user(USDC=1000)
    order = isolated.confirm(isolated.place(somebody, (isolated.sell(isolated.new_user()), 1)))
    sweep(isolated)
    assert state(isolated, order.hold_id) == ("placed", True)
    isolated.deliver("capture_hold", order.id)
    assert isolated.probe.money(somebody.wallet_id) == (0, 0)


def test_a_hold_of_an_ended_order_is_released(isolated: IsolatedServices) -> None:
    """Whatever cut off the release, the sweep finds it."""
    somebody = isolated.new_user(USDC=1000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    isolated.record(order, order.fail("SOLD_OUT", "Nothing is left."))
    sweep(isolated)
    assert state(isolated, order.hold_id) == ("released", False)
    assert isolated.probe.money(somebody.wallet_id) == (1000, 0)
    assert isolated.stream(order.hold_id)[1].data["reason"] == "expired"


def test_asking_about_a_pending_order_past_its_time_ends_it(isolated: IsolatedServices) -> None:
    """The order service expires the order when queried, so that the funds are released in the same sweep."""
    somebody = isolated.new_user(USDC=1000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    sweep(isolated)
    assert [event.type for event in isolated.stream(order.id)] == ["order.placed", "order.expired"]
    assert isolated.probe.money(somebody.wallet_id) == (1000, 0)


def test_a_hold_of_an_order_that_is_still_pending_waits(isolated: IsolatedServices) -> None:
    """A pending order keeps its hold, even if the hold has expired."""
    somebody = isolated.new_user(USDC=1000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1), ttl=PAST * 2)
    hold = a_hold(somebody, 1000)
    hold.order_id, hold.hold_id = order.id, order.hold_id
    place(isolated, hold)
    sweep(isolated)
    assert state(isolated, order.hold_id) == ("placed", False)
    assert [event.type for event in isolated.stream(order.id)] == ["order.placed"]


def test_a_hold_of_an_unknown_order_waits(isolated: IsolatedServices) -> None:
    """A hold of an unknown order is left alone."""
    hold = a_hold(isolated.new_user(USDC=10), 10)
    place(isolated, hold)
    sweep(isolated)
    assert state(isolated, hold.hold_id) == ("placed", False)
    assert story(isolated, hold) == ["hold.placed"]


def test_without_an_answer_nothing_is_released(isolated: IsolatedServices) -> None:
    """An order service that is down leaves holds as they are."""
    sweep(isolated)
    somebody = isolated.new_user(USDC=1000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    isolated.record(order, order.cancel())
    work: Any = Work(isolated.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with isolated.later(PAST):
        assert sweep_holds(work)["failed"] == 1
    assert state(isolated, order.hold_id) == ("placed", False)
    with isolated.later(PAST * 2):
        isolated.run("sweep_holds")
    assert state(isolated, order.hold_id) == ("released", False)


def test_holds_that_wait_do_not_keep_others(isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """More holds than a run takes belong to unknown orders: one behind them is released all the same."""
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCH", 2)
    monkeypatch.setattr("functions.wallet.sweep_holds.MAX_BATCHES", 1)
    waiting = [a_hold(isolated.new_user(USDC=10), 10, within=timedelta(minutes=1)) for _ in range(3)]
    place(isolated, *waiting)
    somebody = isolated.new_user(USDC=1000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    isolated.record(order, order.cancel())
    with isolated.later(PAST):
        for _ in range(100):
            if not any(isolated.run("sweep_holds").values()):
                break
        assert state(isolated, order.hold_id) == ("released", False)
        assert {state(isolated, hold.hold_id) for hold in waiting} == {("placed", False)}
    checks = "SELECT checks FROM holds WHERE id = ANY(:ids::text[])"
    assert {row["checks"] for row in isolated.probe.rows("wallet", checks, ids=[hold.hold_id for hold in waiting])} == {
        1
    }


def postponed(isolated: IsolatedServices, holds: Sequence[PlaceHoldRequest.Hold]) -> list[str]:
    """Those of the holds whose check was postponed because their orders are undecided."""
    sql = "SELECT id FROM holds WHERE id = ANY(:ids::text[]) AND checks > 0"
    return [row["id"] for row in isolated.probe.rows("wallet", sql, ids=[hold.hold_id for hold in holds])]


def test_what_cannot_be_asked_waits_behind_others(isolated: IsolatedServices) -> None:
    """An order service that is down ends the run; three holds wait for it, and the next run begins with others.

    Holds of no order are released all the same: they need no order service.
    """
    somebody = isolated.new_user(USDC=100)
    sweep(isolated)
    holds = [a_hold(isolated.new_user(USDC=10), 10) for _ in range(4)]
    free = a_hold(somebody, 10)
    free.order_id = ""
    place(isolated, *holds, free)
    work: Any = Work(isolated.resources, "wallet")
    work.__dict__["orders"] = SilentOrders()
    with isolated.later(PAST):
        with pytest.raises(Unavailable):
            sweep_holds(work)
        assert state(isolated, free.hold_id) == ("released", False)
        assert postponed(isolated, holds) == []
        failing = set(isolated.failing("wallet", "sweep_holds"))
        isolated.run("sweep_holds")
        assert set(postponed(isolated, holds)) == {hold.hold_id for hold in holds} - failing
    with isolated.later(PAST + FIRST_PAUSE):
        isolated.run("sweep_holds")
    assert len(postponed(isolated, holds)) == 4
    assert isolated.failing("wallet", "sweep_holds") == []


def test_a_poisoned_first_hold_holds_up_nobody(isolated: IsolatedServices) -> None:
    """Its account says that nothing is held, so that releasing it breaks: the others are released all the same."""
    sweep(isolated)
    people = [isolated.new_user(USDC=1000) for _ in range(3)]
    supply = isolated.sell(isolated.new_user())
    orders = [isolated.place(somebody, (supply, 1), ttl=-TTL * (5 - n)) for n, somebody in enumerate(people)]
    for order in orders:
        assert isolated.orders.wallet.hold([order])[0] is None
    change = "UPDATE accounts SET held = held + :amount WHERE wallet_id = :wallet"
    isolated.tamper("wallet", change, amount=-1000, wallet=people[0].wallet_id)
    done = isolated.run("sweep_holds")
    assert (done["released"], done["failed"]) == (2, 1)
    assert [state(isolated, order.hold_id)[0] for order in orders] == ["placed", "released", "released"]
    assert isolated.failing("wallet", "sweep_holds") == [orders[0].hold_id]
    assert isolated.run("sweep_holds")["failed"] == 0  # it backs off
    isolated.tamper("wallet", change, amount=1000, wallet=people[0].wallet_id)
    with isolated.later(FIRST_PAUSE):
        assert isolated.run("sweep_holds")["released"] == 1
    assert isolated.failing("wallet", "sweep_holds") == []


def test_turns_are_fair_between_users(isolated: IsolatedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with many expired holds does not delay the first ones of others."""
    sweep(isolated)
    many, few, supply = isolated.new_user(USDC=9000), isolated.new_user(USDC=1000), isolated.sell(isolated.new_user())
    orders = [isolated.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(isolated.place(few, (supply, 1), ttl=-TTL))
    for order in orders:
        assert isolated.orders.wallet.hold([order])[0] is None
    monkeypatch.setattr("functions.wallet.sweep_holds.BATCH", 2)
    monkeypatch.setattr("functions.wallet.sweep_holds.MAX_BATCHES", 1)
    isolated.run("sweep_holds")
    assert [state(isolated, order.hold_id)[0] for order in orders] == ["released", *["placed"] * 3, "released"]


def test_sweeps_at_once_release_once(isolated: IsolatedServices) -> None:
    """Sweeps that meet each other and the order's own release give the funds back once."""
    somebody = isolated.new_user(USDC=1000)
    supply = isolated.sell(isolated.new_user())
    order = isolated.place(somebody, (supply, 1), ttl=-TTL)
    assert isolated.orders.wallet.hold([order])[0] is None
    sweeps = [lambda: bool(isolated.run("sweep_holds"))] * 4
    all_at_once([*sweeps, lambda: isolated.orders.wallet.release(order)])
    assert isolated.probe.money(somebody.wallet_id) == (1000, 0)
    assert [event.type for event in isolated.stream(order.hold_id)] == ["hold.placed", "hold.released"]


def test_the_scheduler_starts_it(triggers: Triggers) -> None:
    """It answers with what it did."""
    assert set(triggers.start("sweep_holds")) == {"firm", "released", "postponed", "failed"}
