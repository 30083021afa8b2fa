"""Returning the units of a refunded order to stock."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from shared import ids
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from tests.functions.supply.phases import an_entitled_order, open_phase
from tests.functions.supply.stock import an_order, left, reserve
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def refunded(isolated: IsolatedServices, order: Order, *, restock: bool = True) -> StoredEvent:
    """The event of an order's refund."""
    paid = next(event for event in isolated.stream(order.id) if event.type == "order.paid")
    same = {name: paid.data[name] for name in ("order_id", "user_id", "merchant_id", "wallet_id", "currency", "total")}
    data = {**same, "restock": restock, "items": paid.data["items"]}
    return event_after(order, data, paid)


def event_after(order: Order, data: dict[str, Any], after: StoredEvent) -> StoredEvent:
    return StoredEvent(
        id=ids.new("evt", "us"),
        type="order.refunded",
        stream=order.id,
        version=after.version + 2,
        at=after.at,
        data=data,
    )


def sold(isolated: IsolatedServices, *lines: tuple[SupplyView, int]) -> Order:
    """An order whose units are sold."""
    order = isolated.buy(isolated.new_user(USDC=100_000), *lines)
    isolated.deliver("commit_stock", order.id)
    return order


def test_units_are_for_sale_again_once(isolated: IsolatedServices, sell: Sell) -> None:
    """However often the event arrives, concurrently too, with a supply.returned event for each line."""
    supply, other = sell(), sell()
    order = sold(isolated, (supply, 2), (other, 1), (supply, 1))
    event = refunded(isolated, order)
    all_at_once([lambda: isolated.handle("return_stock", event)] * 8)
    assert (left(isolated, supply), left(isolated, other)) == ((10, 0, 0), (10, 0, 0))
    for number, stream in enumerate(isolated.reservations_of(order)):
        story = isolated.stream(stream)
        assert [each.type for each in story] == ["supply.reserved", "supply.committed", "supply.returned"]
        assert story[2].data == {
            "reservation_id": stream,
            "supply_id": [supply.id, other.id, supply.id][number],
            "order_id": order.id,
            "user_id": order.user_id,
            "quantity": [2, 1, 1][number],
        }
    isolated.deliver("commit_stock", order.id)
    assert left(isolated, supply) == (10, 0, 0)
    assert isolated.violations() == []


def test_without_restock_they_stay_sold(isolated: IsolatedServices, sell: Sell) -> None:
    """As the merchant has it."""
    supply = sell()
    order = sold(isolated, (supply, 2))
    isolated.handle("return_stock", refunded(isolated, order, restock=False))
    assert left(isolated, supply) == (8, 0, 2)


def test_what_is_not_sold_yet_is_retried(isolated: IsolatedServices, sell: Sell) -> None:
    """The payment may be heard of later than the refund: rows are not ordered among themselves."""
    supply = sell()
    order = isolated.buy(isolated.new_user(USDC=100_000), (supply, 2))
    event = refunded(isolated, order)
    with pytest.raises(Unavailable):
        isolated.handle("return_stock", event)
    assert left(isolated, supply) == (8, 2, 0)
    isolated.deliver("commit_stock", order.id)
    isolated.handle("return_stock", event)
    assert left(isolated, supply) == (10, 0, 0)


def test_what_is_not_known_yet_is_retried(isolated: IsolatedServices, sell: Sell) -> None:
    """A reservation that is not there cannot be returned."""
    order = sold(isolated, (sell(), 1))
    event = refunded(isolated, order)
    event.data["items"] = [{**event.data["items"][0], "item_id": ids.new("itm", "us")}]
    with pytest.raises(Unavailable):
        isolated.handle("return_stock", event)


def test_a_refund_of_what_was_released_is_a_defect(isolated: IsolatedServices, sell: Sell) -> None:
    """It arrives, and returns nothing."""
    supply = sell()
    order = isolated.place(isolated.new_user(USDC=10_000), (supply, 1))
    isolated.orders.supply.reserve([order])[0]
    isolated.orders.supply.release(order)
    other = refunded(isolated, sold(isolated, (sell(), 1)))
    items = [{**other.data["items"][0], "item_id": order.items[0].item_id, "supply_id": supply.id}]
    event = event_after(order, {**other.data, "items": items}, other)
    with pytest.raises(MeridianError) as error:
        isolated.handle("return_stock", event)
    assert not isinstance(error.value, Unavailable)
    assert left(isolated, supply) == (10, 0, 0)


def test_returned_units_leave_limits_and_caps(isolated: IsolatedServices, sell: Sell) -> None:
    """The buyer may buy again, and so may others in the phase."""
    supply = sell(per_user_limit=2, phases=[open_phase(cap=2)])
    somebody = isolated.new_user(USDC=10_000)
    order = isolated.buy(somebody, (supply, 2))
    isolated.deliver("commit_stock", order.id)
    assert reserve(isolated, an_entitled_order(isolated, isolated.new_user(), supply.id, 1)) == ["SOLD_OUT"]
    isolated.handle("return_stock", refunded(isolated, order))
    assert reserve(isolated, an_entitled_order(isolated, somebody, supply.id, 2)) == [""]
    assert isolated.violations() == []


def test_sold_out_is_reported_each_time_it_becomes_so(isolated: IsolatedServices, sell: Sell) -> None:
    """By the sale of the last unit, not by a repeat, and again after a return."""
    supply = sell(quantity=2)

    def reported() -> int:
        return [event.type for event in isolated.stream(supply.id)].count("supply.sold_out")

    first = sold(isolated, (supply, 1))
    assert reported() == 0
    last = sold(isolated, (supply, 1))
    paid = next(event for event in isolated.stream(last.id) if event.type == "order.paid")
    isolated.handle("commit_stock", paid)
    assert reported() == 1
    isolated.handle("return_stock", refunded(isolated, first))
    assert reported() == 1
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 2))) == ["SOLD_OUT"]
    sold(isolated, (supply, 1))
    assert reported() == 2
