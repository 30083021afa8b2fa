"""Releasing the reservations of an ended order."""

from collections.abc import Callable

import pytest

from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from tests.functions.supply.stock import left
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once

Sell = Callable[..., SupplyView]
HOWS = ("failed", "cancelled", "expired")


def ended(order: Order, how: str) -> list[OrderEvent]:
    """The facts that end a pending order."""
    facts = {"failed": order.fail("INSUFFICIENT_FUNDS", "Too little."), "cancelled": order.cancel()}
    return facts.get(how) or order.expire()


def events(isolated: IsolatedServices, order: Order) -> list[list[str]]:
    return [[event.type for event in isolated.stream(stream)] for stream in isolated.reservations_of(order)]


@pytest.mark.parametrize("how", HOWS)
def test_units_of_an_ended_order_are_given_back(isolated: IsolatedServices, sell: Sell, how: str) -> None:
    """Of every line, whichever way the order ended; the release says which, and a repeat returns nothing more."""
    supply, other = sell(), sell()
    order = isolated.place(isolated.new_user(), (supply, 2), (other, 3))
    assert isolated.orders.supply.reserve([order])[0] is None
    isolated.record(order, ended(order, how))
    assert isolated.deliver("return_reserved", order.id) == ["applied"]
    assert isolated.deliver("return_reserved", order.id) == ["known"]
    assert (left(isolated, supply), left(isolated, other)) == ((10, 0, 0), (10, 0, 0))
    assert events(isolated, order) == [["supply.reserved", "supply.released"]] * 2
    assert isolated.stream(isolated.reservations_of(order)[0])[1].data["reason"] == how


@pytest.mark.parametrize("how", HOWS)
def test_missing_reservations_get_tombstones(isolated: IsolatedServices, sell: Sell, how: str) -> None:
    """A command that is still under way when the order ended is refused when it arrives."""
    supply = sell()
    order = isolated.place(isolated.new_user(), (supply, 2))
    isolated.record(order, ended(order, how))
    isolated.deliver("return_reserved", order.id)
    assert (isolated.orders.supply.reserve([order])[0] or ("",))[0] == "STOCK_RELEASED"
    assert left(isolated, supply) == (10, 0, 0)


def test_deliveries_at_once_give_back_once(isolated: IsolatedServices, sell: Sell) -> None:
    """Of twenty concurrent deliveries of the event one is applied, while the order releases its stock itself."""
    supply = sell()
    order = isolated.place(isolated.new_user(), (supply, 2))
    isolated.orders.supply.reserve([order])[0]
    isolated.record(order, order.cancel())
    placed, cancelled = isolated.stream(order.id)
    isolated.receive("return_reserved", placed)
    calls: list[Callable[[], object]] = [lambda: isolated.receive("return_reserved", cancelled)] * 20
    received = all_at_once([*calls, *[lambda: isolated.orders.supply.release(order)] * 4])
    assert sorted(map(str, received)) == ["None"] * 4 + ["applied"] + ["known"] * 19
    assert left(isolated, supply) == (10, 0, 0)
    assert events(isolated, order) == [["supply.reserved", "supply.released"]]
