"""Selling what was reserved."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from emulators.buyer import Person
from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from tests.books import Books
from tests.functions.supply.stock import an_order, left, reserve
from tests.island import Island
from tests.races import all_at_once
from tests.triggers import Triggers

Sell = Callable[..., SupplyView]


def payment(island: Island, order: Order) -> StoredEvent:
    """The event of an order's payment, with what comes before it delivered."""
    *before, paid = island.stream(order.id)
    assert paid.type == "order.paid"
    for earlier in before:
        island.receive("commit_stock", earlier)
    return paid


def events(island: Island, stream: str) -> list[str]:
    return [event.type for event in island.stream(stream)]


def test_a_paid_order_sells_its_units(island: Island, sell: Sell) -> None:
    """Every line's units are sold, and a supply.committed event tells of each."""
    one, two, somebody = sell(), sell(), island.islander(USDC=10_000)
    order = island.buy(somebody, (one, 3), (two, 2), (one, 1))
    assert (left(island, one), left(island, two)) == ((6, 4, 0), (8, 2, 0))
    assert set(island.deliver("commit_stock", order.id)) == {"applied"}
    assert (left(island, one), left(island, two)) == ((6, 0, 4), (8, 0, 2))
    streams = [island.stream(reservation_id) for reservation_id in island.reservations_of(order)]
    assert [[event.type for event in stream] for stream in streams] == [["supply.reserved", "supply.committed"]] * 3
    committed = streams[0][1]
    assert (committed.version, committed.data["quantity"], committed.data["order_id"]) == (2, 3, order.id)
    assert (committed.data["user_id"], committed.data["supply_id"]) == (somebody.user_id, one.id)


def test_units_are_sold_once(island: Island, sell: Sell) -> None:
    """Of twenty deliveries at the same moment one is applied, and repeats after are known."""
    supply = sell()
    order = island.buy(island.islander(USDC=10_000), (supply, 2))
    event = payment(island, order)
    received = all_at_once([lambda: island.receive("commit_stock", event)] * 20)
    assert sorted(received) == ["applied"] + ["known"] * 19
    assert set(island.deliver("commit_stock", order.id)) == {"known"}
    assert left(island, supply) == (8, 0, 2)
    assert events(island, island.reservations_of(order)[0]) == ["supply.reserved", "supply.committed"]


def test_a_sale_waits_for_its_reservations(island: Island, sell: Sell) -> None:
    """When one is not known yet the event is asked for again, and none of the lines is sold before."""
    supply = sell()
    order = island.place(island.islander(USDC=10_000), (supply, 1), (supply, 2))
    order = island.record(island.record(order, order.confirm()), order.pay())
    event = payment(island, order)
    for _ in range(2):
        with pytest.raises(Unavailable):
            island.receive("commit_stock", event)
    assert left(island, supply) == (10, 0, 0)
    assert island.orders.supply.reserve(order) is None
    assert island.receive("commit_stock", event) == "applied"
    assert left(island, supply) == (7, 0, 3)


def test_a_sale_waits_for_each_of_its_reservations(island: Island, sell: Sell) -> None:
    """One of two that is known is not enough."""
    supply, somebody = sell(), island.islander(USDC=10_000)
    order = island.place(somebody, (supply, 1), (supply, 2))
    order = island.record(island.record(order, order.confirm()), order.pay())
    first = an_order(somebody, (supply, 1))
    first.order_id, first.lines[0].reservation_id = order.id, island.reservations_of(order)[0]
    reserve(island, first)
    with pytest.raises(Unavailable):
        island.receive("commit_stock", payment(island, order))
    assert left(island, supply) == (9, 1, 0)


def test_what_is_sold_stays_sold(island: Island, sell: Sell) -> None:
    """Whatever asks for it again, an inbox without memory too, finds it sold."""
    supply = sell(quantity=2)
    order = island.buy(island.islander(USDC=10_000), (supply, 2))
    event = payment(island, order)
    for _ in range(3):
        island.handle("commit_stock", event)
    assert left(island, supply) == (0, 0, 2)
    assert events(island, supply.id) == ["supply.created", "supply.sold_out"]


def test_a_released_reservation_is_never_sold(island: Island, sell: Sell) -> None:
    """A paid order's cannot have been released: that is a defect, which is not acknowledged and sells nothing."""
    supply = sell()
    order = island.buy(island.islander(USDC=10_000), (supply, 1))
    island.orders.supply.release(order)
    event = payment(island, order)
    with pytest.raises(MeridianError, match="was released"):
        island.receive("commit_stock", event)
    assert left(island, supply) == (10, 0, 0)


def test_the_last_unit_is_told_of_once(island: Island, sell: Sell) -> None:
    """supply.sold_out comes when the last unit is sold, not when it is reserved, and not before or again."""
    supply = sell(quantity=3)
    orders = [island.buy(island.islander(USDC=10_000), (supply, 1)) for _ in range(3)]
    assert left(island, supply) == (0, 3, 0)
    assert events(island, supply.id) == ["supply.created"]
    for order in orders[:2]:
        island.deliver("commit_stock", order.id)
    assert events(island, supply.id) == ["supply.created"]
    island.deliver("commit_stock", orders[2].id)
    island.deliver("commit_stock", orders[2].id)
    created, sold_out = island.stream(supply.id)
    assert (sold_out.type, sold_out.version) == ("supply.sold_out", 2)
    assert sold_out.data == {"supply_id": supply.id, "user_id": supply.merchant_id, "quantity": 3}
    assert created.type == "supply.created"


def test_the_last_unit_is_told_of_once_in_a_race(island: Island, sell: Sell) -> None:
    """Ten orders that end a sale at the same moment tell of its end once."""
    supply = sell(quantity=10)
    orders = [island.buy(island.islander(USDC=10_000), (supply, 1)) for _ in range(10)]
    payments = [payment(island, order) for order in orders]
    all_at_once([partial(island.receive, "commit_stock", event) for event in payments])
    assert left(island, supply) == (0, 0, 10)
    assert events(island, supply.id) == ["supply.created", "supply.sold_out"]


def test_a_pushed_repeat_is_acknowledged(
    buyer: Person,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    books: Books,
    triggers: Triggers,
) -> None:
    """Pub/Sub may push each event of a paid order again: every time 200, and the units are sold once."""
    supply = on_sale(quantity=5)
    order = paid_order(buyer, supply, 2)
    buyer.wait_for(f"/v1/supplies/{supply['id']}", "sold", 2)
    for event in books.stream("order", order["id"]) * 2:
        assert triggers.received("commit_stock", event) == "known"
    stock = books.stock(supply["id"])
    assert (stock.available, stock.reserved, stock.sold) == (3, 0, 2)
