"""Committing the reservations of a paid order."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from shared.contracts.events import StoredEvent
from shared.errors import MeridianError, Unavailable
from tests.database_probe import DatabaseProbe
from tests.functions.supply.stock import an_order, left, reserve
from tests.isolated_services import IsolatedServices, traced
from tests.races import all_at_once
from tests.triggers import Triggers

Sell = Callable[..., SupplyView]


def payment(isolated: IsolatedServices, order: Order) -> StoredEvent:
    """The event of an order's payment, with the earlier events delivered."""
    *before, paid = isolated.stream(order.id)
    assert paid.type == "order.paid"
    for earlier in before:
        isolated.receive("commit_stock", earlier)
    return paid


def events(isolated: IsolatedServices, stream: str) -> list[str]:
    return [event.type for event in isolated.stream(stream)]


def test_a_paid_order_sells_its_units(isolated: IsolatedServices, sell: Sell) -> None:
    """Every line's units are sold, with a supply.committed event each."""
    one, two, somebody = sell(), sell(), isolated.new_user(USDC=10_000)
    order = isolated.buy(somebody, (one, 3), (two, 2), (one, 1))
    assert (left(isolated, one), left(isolated, two)) == ((6, 4, 0), (8, 2, 0))
    assert set(isolated.deliver("commit_stock", order.id)) == {"applied"}
    assert (left(isolated, one), left(isolated, two)) == ((6, 0, 4), (8, 0, 2))
    streams = [isolated.stream(reservation_id) for reservation_id in isolated.reservations_of(order)]
    assert [[event.type for event in stream] for stream in streams] == [["supply.reserved", "supply.committed"]] * 3
    committed = streams[0][1]
    assert (committed.version, committed.data["quantity"], committed.data["order_id"]) == (2, 3, order.id)
    assert (committed.data["user_id"], committed.data["supply_id"]) == (somebody.user_id, one.id)


def test_units_are_sold_once(isolated: IsolatedServices, sell: Sell) -> None:
    """Of twenty concurrent deliveries one is applied, and later repeats are recognized."""
    supply = sell()
    order = isolated.buy(isolated.new_user(USDC=10_000), (supply, 2))
    event = payment(isolated, order)
    received = all_at_once([lambda: isolated.receive("commit_stock", event)] * 20)
    assert sorted(received) == ["applied"] + ["known"] * 19
    assert set(isolated.deliver("commit_stock", order.id)) == {"known"}
    assert left(isolated, supply) == (8, 0, 2)
    assert events(isolated, isolated.reservations_of(order)[0]) == ["supply.reserved", "supply.committed"]


def test_a_sale_waits_for_its_reservations(isolated: IsolatedServices, sell: Sell) -> None:
    """While one is not known yet the event is retried, and none of the lines is sold before."""
    supply = sell()
    order = isolated.place(isolated.new_user(USDC=10_000), (supply, 1), (supply, 2))
    order = isolated.record(isolated.record(order, order.confirm()), order.pay())
    event = payment(isolated, order)
    for _ in range(2):
        with pytest.raises(Unavailable):
            isolated.receive("commit_stock", event)
    assert left(isolated, supply) == (10, 0, 0)
    assert isolated.orders.supply.reserve([order])[0] is None
    assert isolated.receive("commit_stock", event) == "applied"
    assert left(isolated, supply) == (7, 0, 3)


def test_a_sale_waits_for_each_of_its_reservations(isolated: IsolatedServices, sell: Sell) -> None:
    """One of two that is known is not enough."""
    supply, somebody = sell(), isolated.new_user(USDC=10_000)
    order = isolated.place(somebody, (supply, 1), (supply, 2))
    order = isolated.record(isolated.record(order, order.confirm()), order.pay())
    first = an_order(somebody, (supply, 1))
    first.order_id, first.lines[0].reservation_id = order.id, isolated.reservations_of(order)[0]
    reserve(isolated, first)
    with pytest.raises(Unavailable):
        isolated.receive("commit_stock", payment(isolated, order))
    assert left(isolated, supply) == (9, 1, 0)


def test_what_is_sold_stays_sold(isolated: IsolatedServices, sell: Sell) -> None:
    """Whatever asks for it again, an inbox without memory too, finds it sold."""
    supply = sell(quantity=2)
    order = isolated.buy(isolated.new_user(USDC=10_000), (supply, 2))
    event = payment(isolated, order)
    for _ in range(3):
        isolated.handle("commit_stock", event)
    assert left(isolated, supply) == (0, 0, 2)
    assert events(isolated, supply.id) == ["supply.created", "supply.sold_out"]


def test_a_released_reservation_is_never_sold(isolated: IsolatedServices, sell: Sell) -> None:
    """A paid order's cannot have been released: that is a defect, which is not acknowledged and sells nothing."""
    supply = sell()
    order = isolated.buy(isolated.new_user(USDC=10_000), (supply, 1))
    isolated.orders.supply.release(order)
    event = payment(isolated, order)
    with pytest.raises(MeridianError, match="was released"):
        isolated.receive("commit_stock", event)
    assert left(isolated, supply) == (10, 0, 0)


def test_the_last_unit_is_reported_once(isolated: IsolatedServices, sell: Sell) -> None:
    """supply.sold_out comes when the last unit is sold, not when it is reserved, and not before or again."""
    supply = sell(quantity=3)
    orders = [isolated.buy(isolated.new_user(USDC=10_000), (supply, 1)) for _ in range(3)]
    assert left(isolated, supply) == (0, 3, 0)
    assert events(isolated, supply.id) == ["supply.created"]
    for order in orders[:2]:
        isolated.deliver("commit_stock", order.id)
    assert events(isolated, supply.id) == ["supply.created"]
    isolated.deliver("commit_stock", orders[2].id)
    isolated.deliver("commit_stock", orders[2].id)
    created, sold_out = isolated.stream(supply.id)
    assert (sold_out.type, sold_out.version) == ("supply.sold_out", 2)
    assert sold_out.data == {"supply_id": supply.id, "user_id": supply.merchant_id, "quantity": 3}
    assert created.type == "supply.created"


def test_the_last_unit_is_reported_once_in_a_race(isolated: IsolatedServices, sell: Sell) -> None:
    """Ten concurrent orders that end a sale emit supply.sold_out once."""
    supply = sell(quantity=10)
    orders = [isolated.buy(isolated.new_user(USDC=10_000), (supply, 1)) for _ in range(10)]
    payments = [payment(isolated, order) for order in orders]
    all_at_once([partial(isolated.receive, "commit_stock", event) for event in payments])
    assert left(isolated, supply) == (0, 0, 10)
    assert events(isolated, supply.id) == ["supply.created", "supply.sold_out"]


# Several at once


def test_orders_are_committed_at_once_each_in_its_own_trace(isolated: IsolatedServices, sell: Sell) -> None:
    """Of several supplies, some of them the same; what is recorded of each carries the trace of its payment."""
    supplies = [sell(), sell()]
    orders = [isolated.buy(isolated.new_user(USDC=10_000), (supplies[n % 2], 1), (supplies[1], 1)) for n in range(4)]
    payments = [traced(payment(isolated, order), number) for number, order in enumerate(orders, 1)]
    assert isolated.receive_together("commit_stock", payments) == ["applied"] * 4
    assert (left(isolated, supplies[0]), left(isolated, supplies[1])) == ((8, 0, 2), (4, 0, 6))
    for number, order in enumerate(orders, 1):
        for reservation_id in isolated.reservations_of(order):
            committed = isolated.stream(reservation_id)[-1]
            assert (committed.type, committed.version) == ("supply.committed", 2)
            assert committed.metadata["request_id"] == f"request-{number}"
            assert committed.metadata["traceparent"][3:35] == f"{number:032x}"
    assert isolated.receive_together("commit_stock", payments) == ["known"] * 4


def test_one_that_has_to_wait_is_not_committed_with_others(isolated: IsolatedServices, sell: Sell) -> None:
    """The batch does nothing, and each event has its own outcome then."""
    supply = sell()
    late = isolated.place(isolated.new_user(USDC=10_000), (supply, 1))
    late = isolated.record(isolated.record(late, late.confirm()), late.pay())
    orders = [isolated.buy(isolated.new_user(USDC=10_000), (supply, 1)) for _ in range(2)]
    payments = [payment(isolated, order) for order in (orders[0], late, orders[1])]
    assert isolated.receive_together("commit_stock", payments) is None
    assert left(isolated, supply) == (8, 2, 0)
    for event in (payments[0], payments[2]):
        assert isolated.receive("commit_stock", event) == "applied"
    with pytest.raises(Unavailable, match=late.id):
        isolated.receive("commit_stock", payments[1])
    assert left(isolated, supply) == (8, 0, 2)


def test_a_batch_locks_all_stock_in_one_order(isolated: IsolatedServices, sell: Sell) -> None:
    """Whatever the order of its events: while it waits for one supply it holds none that others lock after that."""
    first, second = sorted([sell(), sell()], key=lambda supply: supply.id)
    orders = [isolated.buy(isolated.new_user(USDC=10_000), (supply, 1)) for supply in (second, first)]
    payments = [payment(isolated, order) for order in orders]
    lock = "SELECT FROM stock WHERE supply_id = :id FOR UPDATE"
    received = isolated.receive_while_locked("commit_stock", payments, lock, first.id, second.id)
    assert received == ["applied", "applied"]


def test_a_pushed_repeat_is_acknowledged(
    buyer: ApiUser,
    on_sale: Callable[..., Any],
    paid_order: Callable[..., Any],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """Pub/Sub may push each event of a paid order again: every time 200, and the units are sold once."""
    supply = on_sale(quantity=5)
    order = paid_order(buyer, supply, 2)
    buyer.wait_for(f"/v1/supplies/{supply['id']}", "sold", 2)
    for event in probe.delivered("commit_stock", order["id"]) * 2:
        assert triggers.received("commit_stock", event) == "known"
    stock = probe.stock(supply["id"])
    assert (stock.available, stock.reserved, stock.sold) == (3, 0, 2)
