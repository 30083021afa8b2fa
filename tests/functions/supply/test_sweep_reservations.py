"""Reservations past their time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from functions.order.domain.order import Order
from functions.supply.store import Work
from functions.supply.sweep_reservations import sweep_reservations
from functions.supply.views import SupplyView
from shared.contracts.decisions import Decision
from shared.errors import Unavailable
from shared.jobs.failures import FIRST_PAUSE, LONGEST_PAUSE
from tests.functions.supply.stock import an_order, left, reserve, story
from tests.island import TTL, Island
from tests.races import all_at_once
from tests.triggers import Triggers

PAST = TTL + timedelta(minutes=1)
Sell = Callable[..., SupplyView]


class SilentOrders:
    """An order service that does not answer."""

    def decide(self, order_ids: Sequence[str]) -> Mapping[str, Decision]:
        raise Unavailable


def states(island: Island, order: Order) -> list[tuple[str, bool]]:
    sql = "SELECT status, firm FROM reservations WHERE order_id = :order_id ORDER BY id"
    return [(row["status"], row["firm"]) for row in island.books.rows("supply", sql, order_id=order.id)]


def sweep(island: Island, later: timedelta = PAST) -> None:
    """A sweep at a time when every reservation of a test is past its own."""
    with island.later(later):
        island.run("sweep_reservations")


def test_a_reservation_within_its_time_is_left_alone(island: Island, sell: Sell) -> None:
    """Nobody asks about it."""
    supply = sell()
    reserve(island, an_order(island.islander(), (supply, 2)))
    island.run("sweep_reservations")
    assert left(island, supply) == (8, 2, 0)


def test_reservations_of_a_confirmed_order_become_firm(island: Island, sell: Sell) -> None:
    """Their order stands, so that they outlive their time, and the payment that comes late still sells them."""
    supply = sell()
    order = island.confirm(island.place(island.islander(USDC=10_000), (supply, 1), (supply, 2)))
    sweep(island)
    assert states(island, order) == [("reserved", True)] * 2
    island.record(order, order.pay())
    island.deliver("commit_stock", order.id)
    assert left(island, supply) == (7, 0, 3)


def test_reservations_of_an_ended_order_are_released(island: Island, sell: Sell) -> None:
    """Whatever cut off the release, the sweep finds them."""
    supply = sell()
    order = island.place(island.islander(), (supply, 1), (supply, 2))
    island.orders.supply.reserve(order)
    island.record(order, order.fail("INSUFFICIENT_FUNDS", "Too little."))
    sweep(island)
    assert left(island, supply) == (10, 0, 0)
    assert states(island, order) == [("released", False)] * 2
    assert island.stream(island.reservations_of(order)[0])[1].data["reason"] == "expired"


def test_asking_about_a_pending_order_past_its_time_ends_it(island: Island, sell: Sell) -> None:
    """The order expires by the question, so that its stock is on sale again after one sweep."""
    supply = sell(quantity=1)
    order = island.place(island.islander(), (supply, 1))
    island.orders.supply.reserve(order)
    assert reserve(island, an_order(island.islander(), (supply, 1))) == ["SOLD_OUT"]
    sweep(island)
    assert [event.type for event in island.stream(order.id)] == ["order.placed", "order.expired"]
    assert reserve(island, an_order(island.islander(), (supply, 1))) == [""]


def test_reservations_of_an_order_that_is_still_pending_wait(island: Island, sell: Sell) -> None:
    """An order within its time decides for itself, even where the reservation's own time is over."""
    supply, somebody = sell(), island.islander()
    order = island.place(somebody, (supply, 1), ttl=PAST * 2)
    asked = an_order(somebody, (supply, 1))
    asked.order_id = order.id
    reserve(island, asked)
    sweep(island)
    assert states(island, order) == [("reserved", False)]


def test_reservations_of_an_unknown_order_wait(island: Island, sell: Sell) -> None:
    """Nobody decides about an order that is not there."""
    order = an_order(island.islander(), (sell(), 1))
    reserve(island, order)
    sweep(island)
    assert story(island, order) == [["supply.reserved"]]


def test_without_an_answer_nothing_is_released(island: Island, sell: Sell) -> None:
    """An order service that is down leaves reservations as they are."""
    sweep(island)
    supply = sell()
    order = island.place(island.islander(), (supply, 1))
    island.orders.supply.reserve(order)
    island.record(order, order.cancel())
    work: Any = Work(island.resources, "supply")
    work.__dict__["orders"] = SilentOrders()
    with island.later(PAST):
        assert sweep_reservations(work)["failed"] == 1
    assert left(island, supply) == (9, 1, 0)
    sweep(island, PAST + LONGEST_PAUSE)
    assert left(island, supply) == (10, 0, 0)


def test_sweeps_at_once_release_once(island: Island, sell: Sell) -> None:
    """Sweeps that meet each other and the order's own release return the units once."""
    supply = sell()
    order = island.place(island.islander(), (supply, 2), (supply, 1), ttl=-TTL)
    assert island.orders.supply.reserve(order) is None
    sweeps: list[Callable[[], object]] = [lambda: island.run("sweep_reservations")] * 4
    all_at_once([*sweeps, lambda: island.orders.supply.release(order)])
    assert left(island, supply) == (10, 0, 0)
    streams = [[event.type for event in island.stream(stream)] for stream in island.reservations_of(order)]
    assert streams == [["supply.reserved", "supply.released"]] * 2


def test_the_scheduler_starts_it(triggers: Triggers) -> None:
    """It answers with what it did."""
    assert set(triggers.start("sweep_reservations")) == {"firm", "released", "postponed", "failed"}


def test_what_cannot_be_decided_keeps_nobody_waiting(
    island: Island, sell: Sell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reservations of orders that nobody knows, as many as a sweep looks at, do not stand before others for good."""
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCH", 2)
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCHES", 1)
    supply = sell(quantity=100)
    sweep(island, PAST * 10)  # what other tests have left
    unknown = [an_order(island.islander(), (supply, 1), within=-TTL * 2) for _ in range(3)]
    assert reserve(island, *unknown) == [""] * 3
    order = island.place(island.islander(), (supply, 1), ttl=-TTL)
    island.orders.supply.reserve(order)
    for _ in range(3):
        island.run("sweep_reservations")
    assert states(island, order) == [("released", False)]
    assert left(island, supply) == (97, 3, 0)


def test_what_cannot_be_decided_is_asked_about_ever_less_often(island: Island, sell: Sell) -> None:
    """The wait doubles with each look, up to an hour."""
    unknown = an_order(island.islander(), (sell(), 1), within=-TTL)
    reserve(island, unknown)
    sql = "SELECT checks, next_check_at - now() AS wait FROM reservations WHERE id = :id"
    waits = []
    ahead = timedelta()
    for _ in range(10):
        with island.later(ahead):
            island.run("sweep_reservations")
        (row,) = island.books.rows("supply", sql, id=unknown.lines[0].reservation_id)
        waits.append(round((row["wait"] - ahead).total_seconds() / 30))
        ahead += timedelta(hours=1)
    assert waits[0] in (0, 1)
    assert waits[1:7] == [2, 4, 8, 16, 32, 64]
    assert waits[7:] == [120, 120, 120]


def test_a_dependency_that_is_away_ends_the_run_and_puts_others_first(island: Island, sell: Sell) -> None:
    """After three reservations that nobody could be asked about; these are behind the others in the next run."""
    supply = sell()
    sweep(island, PAST * 10)
    orders = [island.place(island.islander(), (supply, 1), ttl=-TTL * (9 - n)) for n in range(4)]
    for order in orders:
        assert island.orders.supply.reserve(order) is None
    work: Any = Work(island.resources, "supply")
    work.__dict__["orders"] = SilentOrders()
    with pytest.raises(Unavailable):
        sweep_reservations(work)
    island.run("sweep_reservations")
    assert [states(island, order) for order in orders] == [[("reserved", False)]] * 3 + [[("released", False)]]
    with island.later(FIRST_PAUSE):
        island.run("sweep_reservations")
    assert [states(island, order) for order in orders] == [[("released", False)]] * 4


def test_a_poisoned_first_reservation_holds_up_nobody(island: Island, sell: Sell) -> None:
    """One whose stock is missing, so that releasing it breaks: the others of its batch are released all the same."""
    sweep(island, PAST * 10)
    poisoned, supply = sell(), sell()
    orders = [island.place(island.islander(), (each, 1), ttl=-TTL * 5) for each in (poisoned, supply, supply)]
    for order in orders:
        assert island.orders.supply.reserve(order) is None
    change = "UPDATE stock SET reserved = reserved + :units, quantity = quantity + :units WHERE supply_id = :id"
    island.tamper("supply", change, units=-1, id=poisoned.id)
    done = island.run("sweep_reservations")
    assert (done["released"], done["failed"]) == (2, 1)
    assert [states(island, order)[0][0] for order in orders] == ["reserved", "released", "released"]
    assert island.failing("supply", "sweep_reservations") == island.reservations_of(orders[0])
    assert island.run("sweep_reservations")["failed"] == 0  # it backs off
    island.tamper("supply", change, units=1, id=poisoned.id)
    with island.later(FIRST_PAUSE):
        assert island.run("sweep_reservations")["released"] == 1
    assert island.failing("supply", "sweep_reservations") == []


def test_turns_are_fair_between_buyers(island: Island, sell: Sell, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who has many reservations past their time does not come before everybody else with all of them."""
    sweep(island, PAST * 10)
    supply, many, few = sell(quantity=10), island.islander(), island.islander()
    orders = [island.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(island.place(few, (supply, 1), ttl=-TTL))
    for order in orders:
        assert island.orders.supply.reserve(order) is None
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCH", 2)
    monkeypatch.setattr("functions.supply.sweep_reservations.BATCHES", 1)
    island.run("sweep_reservations")
    assert [states(island, order)[0][0] for order in orders] == ["released", *["reserved"] * 3, "released"]
