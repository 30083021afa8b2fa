"""Releasing the hold of an order that failed, expired or was cancelled."""

import pytest

from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from shared.money import Amount
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once


def ended(order: Order, how: str) -> list[OrderEvent]:
    """The events that end a pending order."""
    return {
        "failed": order.fail("SOLD_OUT", "Nothing is left."),
        "cancelled": order.cancel(),
        "expired": order.expire(),
    }[how]


HOWS = ("failed", "cancelled", "expired")


@pytest.mark.parametrize("how", HOWS)
def test_a_hold_of_an_ended_order_is_given_back(isolated: IsolatedServices, how: str) -> None:
    """Whichever way it ended; the release says which, and a repeat gives nothing more."""
    somebody = isolated.new_user(USDC=5000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    assert isolated.orders.wallet.hold([order])[0] is None
    isolated.record(order, ended(order, how))
    assert isolated.deliver("return_hold", order.id) == ["applied"]
    assert isolated.probe.money(somebody.wallet_id) == (5000, 0)
    assert [event.type for event in isolated.stream(order.hold_id)] == ["hold.placed", "hold.released"]
    assert isolated.stream(order.hold_id)[1].data["reason"] == how
    assert isolated.deliver("return_hold", order.id) == ["known"]
    assert len(isolated.stream(order.hold_id)) == 2


@pytest.mark.parametrize("how", HOWS)
def test_a_hold_that_was_never_placed_is_buried(isolated: IsolatedServices, how: str) -> None:
    """A command that is still under way when the order ended is refused when it arrives."""
    somebody = isolated.new_user(USDC=5000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.record(order, ended(order, how))
    isolated.deliver("return_hold", order.id)
    assert (isolated.orders.wallet.hold([order])[0] or ("",))[0] == "HOLD_RELEASED"
    assert isolated.probe.money(somebody.wallet_id) == (5000, 0)


def test_what_the_order_released_itself_is_left_alone(isolated: IsolatedServices) -> None:
    """The event repeats what the request has done already: no event is appended twice."""
    somebody = isolated.new_user(USDC=5000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    assert isolated.orders.wallet.release(order)
    isolated.record(order, order.cancel())
    assert isolated.deliver("return_hold", order.id) == ["applied"]
    assert len(isolated.stream(order.hold_id)) == 2
    assert isolated.probe.money(somebody.wallet_id) == (5000, 0)


def test_an_order_without_a_hold_has_nothing_to_give_back(isolated: IsolatedServices) -> None:
    """A free order leaves no tombstone."""
    order = isolated.place(isolated.new_user(), (isolated.sell(isolated.new_user(), unit_price=Amount(0)), 1))
    isolated.record(order, order.cancel())
    assert isolated.deliver("return_hold", order.id) == ["applied"]
    found = isolated.probe.rows("wallet", "SELECT id FROM holds WHERE order_id = :order_id", order_id=order.id)
    assert found == []


def test_deliveries_at_once_give_back_once(isolated: IsolatedServices) -> None:
    """Of twenty deliveries of the end at the same moment one is applied, while the order releases the hold itself."""
    somebody = isolated.new_user(USDC=5000)
    order = isolated.place(somebody, (isolated.sell(isolated.new_user()), 1))
    isolated.orders.wallet.hold([order])[0]
    isolated.record(order, order.cancel())
    placed, cancelled = isolated.stream(order.id)
    isolated.receive("return_hold", placed)
    deliveries = [lambda: isolated.receive("return_hold", cancelled)] * 20
    releases = [lambda: str(isolated.orders.wallet.release(order))] * 4
    assert sorted(all_at_once([*deliveries, *releases])) == ["True"] * 4 + ["applied"] + ["known"] * 19
    assert isolated.probe.money(somebody.wallet_id) == (5000, 0)
    assert len(isolated.stream(order.hold_id)) == 2
