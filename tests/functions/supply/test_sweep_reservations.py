"""The sweep of expired reservations."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.order.domain.order import Order
from functions.supply.adapters.work import Work
from functions.supply.sweep_reservations import sweep_reservations
from functions.supply.views import SupplyView
from shared.contracts.decisions import Decision
from shared.errors import Unavailable
from shared.jobs.failures import FIRST_PAUSE, LONGEST_PAUSE
from tests.functions.supply.stock import an_order, left, reserve, story
from tests.isolated_services import TTL, IsolatedServices
from tests.races import all_at_once
from tests.triggers import Triggers

PAST = TTL + timedelta(minutes=1)
Sell = Callable[..., SupplyView]


class SilentOrders:
    """An order service that does not answer."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        raise Unavailable


def states(isolated: IsolatedServices, order: Order) -> list[tuple[str, bool]]:
    sql = "SELECT status, firm FROM reservations WHERE order_id = :order_id ORDER BY id"
    return [(row["status"], row["firm"]) for row in isolated.probe.rows("supply", sql, order_id=order.id)]


def sweep(isolated: IsolatedServices, later: timedelta = PAST) -> None:
    """A sweep at a time when every reservation of a test is past its own."""
    with isolated.later(later):
        isolated.run("sweep_reservations")


def test_a_reservation_within_its_time_is_left_alone(isolated: IsolatedServices, sell: Sell) -> None:
    """Nobody asks about it."""
    supply = sell()
    reserve(isolated, an_order(isolated.new_user(), (supply, 2)))
    isolated.run("sweep_reservations")
    assert left(isolated, supply) == (8, 2, 0)


def test_reservations_of_a_confirmed_order_become_firm(isolated: IsolatedServices, sell: Sell) -> None:
    """Their order is confirmed, so they do not expire, and a late payment still sells them."""
    supply = sell()
    order = isolated.confirm(isolated.place(isolated.new_user(USDC=10_000), (supply, 1), (supply, 2)))
    sweep(isolated)
    assert states(isolated, order) == [("reserved", True)] * 2
    isolated.record(order, order.pay())
    isolated.deliver("commit_stock", order.id)
    assert left(isolated, supply) == (7, 0, 3)


def test_reservations_of_an_ended_order_are_released(isolated: IsolatedServices, sell: Sell) -> None:
    """Whatever cut off the release, the sweep finds them."""
    supply = sell()
    order = isolated.place(isolated.new_user(), (supply, 1), (supply, 2))
    isolated.orders.supply.reserve([order])[0]
    isolated.record(order, order.fail("INSUFFICIENT_FUNDS", "Too little."))
    sweep(isolated)
    assert left(isolated, supply) == (10, 0, 0)
    assert states(isolated, order) == [("released", False)] * 2
    assert isolated.stream(isolated.reservations_of(order)[0])[1].data["reason"] == "expired"


def test_asking_about_a_pending_order_past_its_time_ends_it(isolated: IsolatedServices, sell: Sell) -> None:
    """The order expires by the question, so that its stock is on sale again after one sweep."""
    supply = sell(quantity=1)
    order = isolated.place(isolated.new_user(), (supply, 1))
    isolated.orders.supply.reserve([order])[0]
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 1))) == ["SOLD_OUT"]
    sweep(isolated)
    assert [event.type for event in isolated.stream(order.id)] == ["order.placed", "order.expired"]
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 1))) == [""]


def test_reservations_of_an_order_that_is_still_pending_wait(isolated: IsolatedServices, sell: Sell) -> None:
    """An order within its expiry decides, even if the reservation's own time is over."""
    supply, somebody = sell(), isolated.new_user()
    order = isolated.place(somebody, (supply, 1), ttl=PAST * 2)
    requested = an_order(somebody, (supply, 1))
    requested.order_id = order.id
    reserve(isolated, requested)
    sweep(isolated)
    assert states(isolated, order) == [("reserved", False)]


def test_reservations_of_an_unknown_order_wait(isolated: IsolatedServices, sell: Sell) -> None:
    """Nobody decides about an order that is not there."""
    order = an_order(isolated.new_user(), (sell(), 1))
    reserve(isolated, order)
    sweep(isolated)
    assert story(isolated, order) == [["supply.reserved"]]


def test_without_an_answer_nothing_is_released(isolated: IsolatedServices, sell: Sell) -> None:
    """An order service that is down leaves reservations as they are."""
    sweep(isolated)
    supply = sell()
    order = isolated.place(isolated.new_user(), (supply, 1))
    isolated.orders.supply.reserve([order])[0]
    isolated.record(order, order.cancel())
    work: Any = Work(isolated.resources, "supply")
    work.__dict__["orders"] = SilentOrders()
    with isolated.later(PAST):
        assert sweep_reservations(work)["failed"] == 1
    assert left(isolated, supply) == (9, 1, 0)
    sweep(isolated, PAST + LONGEST_PAUSE)
    assert left(isolated, supply) == (10, 0, 0)


def test_sweeps_at_once_release_once(isolated: IsolatedServices, sell: Sell) -> None:
    """Sweeps that meet each other and the order's own release return the units once."""
    supply = sell()
    order = isolated.place(isolated.new_user(), (supply, 2), (supply, 1), ttl=-TTL)
    assert isolated.orders.supply.reserve([order])[0] is None
    sweeps: list[Callable[[], object]] = [lambda: isolated.run("sweep_reservations")] * 4
    all_at_once([*sweeps, lambda: isolated.orders.supply.release(order)])
    assert left(isolated, supply) == (10, 0, 0)
    streams = [[event.type for event in isolated.stream(stream)] for stream in isolated.reservations_of(order)]
    assert streams == [["supply.reserved", "supply.released"]] * 2


def test_the_scheduler_starts_it(triggers: Triggers) -> None:
    """It answers with what it did."""
    assert set(triggers.start("sweep_reservations")) == {"firm", "released", "postponed", "failed"}


def test_undecided_orders_do_not_delay_others(
    isolated: IsolatedServices, sell: Sell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reservations of unknown orders, as many as a sweep takes, do not block others for ever."""
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCH", 2)
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCHES", 1)
    supply = sell(quantity=100)
    sweep(isolated, PAST * 10)  # what other tests have left
    unknown = [an_order(isolated.new_user(), (supply, 1), within=-TTL * 2) for _ in range(3)]
    assert reserve(isolated, *unknown) == [""] * 3
    order = isolated.place(isolated.new_user(), (supply, 1), ttl=-TTL)
    isolated.orders.supply.reserve([order])[0]
    for _ in range(3):
        isolated.run("sweep_reservations")
    assert states(isolated, order) == [("released", False)]
    assert left(isolated, supply) == (97, 3, 0)


def test_undecided_orders_are_queried_ever_less_often(isolated: IsolatedServices, sell: Sell) -> None:
    """The wait doubles with each look, up to an hour."""
    unknown = an_order(isolated.new_user(), (sell(), 1), within=-TTL)
    reserve(isolated, unknown)
    sql = "SELECT checks, next_check_at - now() AS wait FROM reservations WHERE id = :id"
    waits = []
    ahead = timedelta()
    for _ in range(10):
        with isolated.later(ahead):
            isolated.run("sweep_reservations")
        (row,) = isolated.probe.rows("supply", sql, id=unknown.lines[0].reservation_id)
        waits.append(round((row["wait"] - ahead).total_seconds() / 30))
        ahead += timedelta(hours=1)
    assert waits[0] in (0, 1)
    assert waits[1:7] == [2, 4, 8, 16, 32, 64]
    assert waits[7:] == [120, 120, 120]


def test_a_dependency_that_is_away_ends_the_run_and_puts_others_first(isolated: IsolatedServices, sell: Sell) -> None:
    """After three reservations whose orders could not be queried; these come behind the others in the next run."""
    supply = sell()
    sweep(isolated, PAST * 10)
    orders = [isolated.place(isolated.new_user(), (supply, 1), ttl=-TTL * (9 - n)) for n in range(4)]
    for order in orders:
        assert isolated.orders.supply.reserve([order])[0] is None
    work: Any = Work(isolated.resources, "supply")
    work.__dict__["orders"] = SilentOrders()
    with pytest.raises(Unavailable):
        sweep_reservations(work)
    isolated.run("sweep_reservations")
    assert [states(isolated, order) for order in orders] == [[("reserved", False)]] * 3 + [[("released", False)]]
    with isolated.later(FIRST_PAUSE):
        isolated.run("sweep_reservations")
    assert [states(isolated, order) for order in orders] == [[("released", False)]] * 4


def test_a_poisoned_first_reservation_does_not_block_others(isolated: IsolatedServices, sell: Sell) -> None:
    """One whose stock is missing, so that releasing it breaks: the others of its batch are released all the same."""
    sweep(isolated, PAST * 10)
    poisoned, supply = sell(), sell()
    orders = [isolated.place(isolated.new_user(), (each, 1), ttl=-TTL * 5) for each in (poisoned, supply, supply)]
    for order in orders:
        assert isolated.orders.supply.reserve([order])[0] is None
    change = "UPDATE stock SET reserved = reserved + :units, quantity = quantity + :units WHERE supply_id = :id"
    isolated.tamper("supply", change, units=-1, id=poisoned.id)
    done = isolated.run("sweep_reservations")
    assert (done["released"], done["failed"]) == (2, 1)
    assert [states(isolated, order)[0][0] for order in orders] == ["reserved", "released", "released"]
    assert isolated.failing("supply", "sweep_reservations") == isolated.reservations_of(orders[0])
    assert isolated.run("sweep_reservations")["failed"] == 0  # it backs off
    isolated.tamper("supply", change, units=1, id=poisoned.id)
    with isolated.later(FIRST_PAUSE):
        assert isolated.run("sweep_reservations")["released"] == 1
    assert isolated.failing("supply", "sweep_reservations") == []


def test_turns_are_fair_between_buyers(isolated: IsolatedServices, sell: Sell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buyer with many expired reservations does not come before all other buyers."""
    sweep(isolated, PAST * 10)
    supply, many, few = sell(quantity=10), isolated.new_user(), isolated.new_user()
    orders = [isolated.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(isolated.place(few, (supply, 1), ttl=-TTL))
    for order in orders:
        assert isolated.orders.supply.reserve([order])[0] is None
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCH", 2)
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCHES", 1)
    isolated.run("sweep_reservations")
    assert [states(isolated, order)[0][0] for order in orders] == ["released", *["reserved"] * 3, "released"]
