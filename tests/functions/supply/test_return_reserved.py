"""Giving back what was reserved for an order that came to nothing."""

from collections.abc import Callable

import pytest

from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from tests.functions.supply.stock import left
from tests.island import Island
from tests.races import all_at_once

Sell = Callable[..., SupplyView]
HOWS = ("failed", "cancelled", "expired")


def ended(order: Order, how: str) -> list[OrderEvent]:
    """The facts that end a pending order."""
    facts = {"failed": order.fail("INSUFFICIENT_FUNDS", "Too little."), "cancelled": order.cancel()}
    return facts.get(how) or order.expire()


def events(island: Island, order: Order) -> list[list[str]]:
    return [[event.type for event in island.stream(stream)] for stream in island.reservations_of(order)]


@pytest.mark.parametrize("how", HOWS)
def test_units_of_an_ended_order_are_given_back(island: Island, sell: Sell, how: str) -> None:
    """Of every line, whichever way the order ended; the release says which, and a repeat returns nothing more."""
    supply, other = sell(), sell()
    order = island.place(island.islander(), (supply, 2), (other, 3))
    assert island.orders.supply.reserve(order) is None
    island.record(order, ended(order, how))
    assert island.deliver("return_reserved", order.id) == ["applied", "applied"]
    assert island.deliver("return_reserved", order.id) == ["known", "known"]
    assert (left(island, supply), left(island, other)) == ((10, 0, 0), (10, 0, 0))
    assert events(island, order) == [["supply.reserved", "supply.released"]] * 2
    assert island.stream(island.reservations_of(order)[0])[1].data["reason"] == how


@pytest.mark.parametrize("how", HOWS)
def test_reservations_that_were_never_made_are_buried(island: Island, sell: Sell, how: str) -> None:
    """A command that is still under way when the order ended is refused when it arrives."""
    supply = sell()
    order = island.place(island.islander(), (supply, 2))
    island.record(order, ended(order, how))
    island.deliver("return_reserved", order.id)
    assert (island.orders.supply.reserve(order) or ("",))[0] == "STOCK_RELEASED"
    assert left(island, supply) == (10, 0, 0)


def test_deliveries_at_once_give_back_once(island: Island, sell: Sell) -> None:
    """Of twenty deliveries of the end at the same moment one is applied, while the order releases its stock itself."""
    supply = sell()
    order = island.place(island.islander(), (supply, 2))
    island.orders.supply.reserve(order)
    island.record(order, order.cancel())
    placed, cancelled = island.stream(order.id)
    island.receive("return_reserved", placed)
    calls: list[Callable[[], object]] = [lambda: island.receive("return_reserved", cancelled)] * 20
    received = all_at_once([*calls, *[lambda: island.orders.supply.release(order)] * 4])
    assert sorted(map(str, received)) == ["None"] * 4 + ["applied"] + ["known"] * 19
    assert left(island, supply) == (10, 0, 0)
    assert events(island, order) == [["supply.reserved", "supply.released"]]
