"""Putting what a refunded order had bought on sale again."""

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
from tests.island import Island
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def refunded(island: Island, order: Order, *, restock: bool = True) -> StoredEvent:
    """The event of an order's refund, as the order service tells of it."""
    paid = next(event for event in island.stream(order.id) if event.type == "order.paid")
    same = {name: paid.data[name] for name in ("order_id", "user_id", "merchant_id", "wallet_id", "currency", "total")}
    data = {**same, "restock": restock, "items": paid.data["items"]}
    return told_of(order, data, paid)


def told_of(order: Order, data: dict[str, Any], after: StoredEvent) -> StoredEvent:
    return StoredEvent(
        id=ids.new("evt", "us"),
        type="order.refunded",
        stream=order.id,
        version=after.version + 2,
        at=after.at,
        data=data,
    )


def sold(island: Island, *lines: tuple[SupplyView, int]) -> Order:
    """An order whose units are sold."""
    order = island.buy(island.islander(USDC=100_000), *lines)
    island.deliver("commit_stock", order.id)
    return order


def test_units_are_for_sale_again_once(island: Island, sell: Sell) -> None:
    """However often it is told, by many at once, with a supply.returned event for each line."""
    supply, other = sell(), sell()
    order = sold(island, (supply, 2), (other, 1), (supply, 1))
    event = refunded(island, order)
    all_at_once([lambda: island.handle("return_stock", event)] * 8)
    assert (left(island, supply), left(island, other)) == ((10, 0, 0), (10, 0, 0))
    for number, stream in enumerate(island.reservations_of(order)):
        story = island.stream(stream)
        assert [each.type for each in story] == ["supply.reserved", "supply.committed", "supply.returned"]
        assert story[2].data == {
            "reservation_id": stream,
            "supply_id": [supply.id, other.id, supply.id][number],
            "order_id": order.id,
            "user_id": order.user_id,
            "quantity": [2, 1, 1][number],
        }
    island.deliver("commit_stock", order.id)
    assert left(island, supply) == (10, 0, 0)
    assert island.violations() == []


def test_without_restock_they_stay_sold(island: Island, sell: Sell) -> None:
    """As the merchant has it."""
    supply = sell()
    order = sold(island, (supply, 2))
    island.handle("return_stock", refunded(island, order, restock=False))
    assert left(island, supply) == (8, 0, 2)


def test_what_is_not_sold_yet_is_asked_about_again(island: Island, sell: Sell) -> None:
    """The payment may be heard of later than the refund: rows are not ordered among themselves."""
    supply = sell()
    order = island.buy(island.islander(USDC=100_000), (supply, 2))
    event = refunded(island, order)
    with pytest.raises(Unavailable):
        island.handle("return_stock", event)
    assert left(island, supply) == (8, 2, 0)
    island.deliver("commit_stock", order.id)
    island.handle("return_stock", event)
    assert left(island, supply) == (10, 0, 0)


def test_what_is_not_known_yet_is_asked_about_again(island: Island, sell: Sell) -> None:
    """A reservation that is not there cannot be returned."""
    order = sold(island, (sell(), 1))
    event = refunded(island, order)
    event.data["items"] = [{**event.data["items"][0], "item_id": ids.new("itm", "us")}]
    with pytest.raises(Unavailable):
        island.handle("return_stock", event)


def test_a_refund_of_what_was_released_is_a_defect(island: Island, sell: Sell) -> None:
    """It is told, and gives nothing back."""
    supply = sell()
    order = island.place(island.islander(USDC=10_000), (supply, 1))
    island.orders.supply.reserve(order)
    island.orders.supply.release(order)
    other = refunded(island, sold(island, (sell(), 1)))
    items = [{**other.data["items"][0], "item_id": order.items[0].item_id, "supply_id": supply.id}]
    event = told_of(order, {**other.data, "items": items}, other)
    with pytest.raises(MeridianError) as error:
        island.handle("return_stock", event)
    assert not isinstance(error.value, Unavailable)
    assert left(island, supply) == (10, 0, 0)


def test_returned_units_leave_limits_and_caps(island: Island, sell: Sell) -> None:
    """The buyer may buy again, and so may others in the phase."""
    supply = sell(per_user_limit=2, phases=[open_phase(cap=2)])
    somebody = island.islander(USDC=10_000)
    order = island.buy(somebody, (supply, 2))
    island.deliver("commit_stock", order.id)
    assert reserve(island, an_entitled_order(island, island.islander(), supply.id, 1)) == ["SOLD_OUT"]
    island.handle("return_stock", refunded(island, order))
    assert reserve(island, an_entitled_order(island, somebody, supply.id, 2)) == [""]
    assert island.violations() == []


def test_sold_out_is_told_each_time_it_becomes_so(island: Island, sell: Sell) -> None:
    """By the sale of the last unit, not by a repeat, and again after a return."""
    supply = sell(quantity=2)

    def told() -> int:
        return [event.type for event in island.stream(supply.id)].count("supply.sold_out")

    first = sold(island, (supply, 1))
    assert told() == 0
    last = sold(island, (supply, 1))
    paid = next(event for event in island.stream(last.id) if event.type == "order.paid")
    island.handle("commit_stock", paid)
    assert told() == 1
    island.handle("return_stock", refunded(island, first))
    assert told() == 1
    assert reserve(island, an_order(island.islander(), (supply, 2))) == ["SOLD_OUT"]
    sold(island, (supply, 1))
    assert told() == 2
