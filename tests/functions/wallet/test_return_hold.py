"""Giving back what was set aside for an order that came to nothing."""

import pytest

from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from shared.money import Amount
from tests.island import Island
from tests.races import all_at_once


def ended(order: Order, how: str) -> list[OrderEvent]:
    """The facts that end a pending order."""
    return {
        "failed": order.fail("SOLD_OUT", "Nothing is left."),
        "cancelled": order.cancel(),
        "expired": order.expire(),
    }[how]


HOWS = ("failed", "cancelled", "expired")


@pytest.mark.parametrize("how", HOWS)
def test_a_hold_of_an_ended_order_is_given_back(island: Island, how: str) -> None:
    """Whichever way it ended; the release says which, and a repeat gives nothing more."""
    somebody = island.islander(USDC=5000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    assert island.orders.wallet.hold(order) is None
    island.record(order, ended(order, how))
    assert island.deliver("return_hold", order.id) == ["applied", "applied"]
    assert island.books.money(somebody.wallet_id) == (5000, 0)
    assert [event.type for event in island.stream(order.hold_id)] == ["hold.placed", "hold.released"]
    assert island.stream(order.hold_id)[1].data["reason"] == how
    assert island.deliver("return_hold", order.id) == ["known", "known"]
    assert len(island.stream(order.hold_id)) == 2


@pytest.mark.parametrize("how", HOWS)
def test_a_hold_that_was_never_placed_is_buried(island: Island, how: str) -> None:
    """A command that is still under way when the order ended is refused when it arrives."""
    somebody = island.islander(USDC=5000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.record(order, ended(order, how))
    island.deliver("return_hold", order.id)
    assert (island.orders.wallet.hold(order) or ("",))[0] == "HOLD_RELEASED"
    assert island.books.money(somebody.wallet_id) == (5000, 0)


def test_what_the_order_released_itself_is_left_alone(island: Island) -> None:
    """The event repeats what the request has done already: nothing is told twice."""
    somebody = island.islander(USDC=5000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    assert island.orders.wallet.release(order)
    island.record(order, order.cancel())
    assert island.deliver("return_hold", order.id) == ["applied", "applied"]
    assert len(island.stream(order.hold_id)) == 2
    assert island.books.money(somebody.wallet_id) == (5000, 0)


def test_an_order_without_a_hold_has_nothing_to_give_back(island: Island) -> None:
    """A free order leaves no tombstone."""
    order = island.place(island.islander(), (island.sell(island.islander(), unit_price=Amount(0)), 1))
    island.record(order, order.cancel())
    assert island.deliver("return_hold", order.id) == ["applied", "applied"]
    found = island.books.rows("wallet", "SELECT id FROM holds WHERE order_id = :order_id", order_id=order.id)
    assert found == []


def test_deliveries_at_once_give_back_once(island: Island) -> None:
    """Of twenty deliveries of the end at the same moment one is applied, while the order releases the hold itself."""
    somebody = island.islander(USDC=5000)
    order = island.place(somebody, (island.sell(island.islander()), 1))
    island.orders.wallet.hold(order)
    island.record(order, order.cancel())
    placed, cancelled = island.stream(order.id)
    island.receive("return_hold", placed)
    deliveries = [lambda: island.receive("return_hold", cancelled)] * 20
    releases = [lambda: str(island.orders.wallet.release(order))] * 4
    assert sorted(all_at_once([*deliveries, *releases])) == ["True"] * 4 + ["applied"] + ["known"] * 19
    assert island.books.money(somebody.wallet_id) == (5000, 0)
    assert len(island.stream(order.hold_id)) == 2
