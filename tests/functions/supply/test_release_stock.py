"""Releasing reservations."""

from collections.abc import Callable
from functools import partial

from functions.supply.views import SupplyView
from tests.functions.supply.stock import an_order, left, release, reserve, story
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def test_released_units_are_on_sale_again(isolated: IsolatedServices, sell: Sell) -> None:
    """The event says why, and whose units of what they were; the next buyer gets them."""
    supply, somebody = sell(quantity=3), isolated.new_user()
    order = an_order(somebody, (supply, 3))
    reserve(isolated, order)
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 1))) == ["SOLD_OUT"]
    assert release(isolated, order, reason="failed") == [True]
    assert left(isolated, supply) == (3, 0, 0)
    event = isolated.stream(order.lines[0].reservation_id)[1]
    assert (event.type, event.version) == ("supply.released", 2)
    assert event.data == {
        "reservation_id": order.lines[0].reservation_id,
        "supply_id": supply.id,
        "order_id": order.order_id,
        "user_id": somebody.user_id,
        "quantity": 3,
        "reason": "failed",
    }
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 3))) == [""]


def test_a_reservation_is_released_once_however_often_it_is_requested(isolated: IsolatedServices, sell: Sell) -> None:
    """Twenty concurrent releases return the units once, and all report them released."""
    supply, somebody = sell(), isolated.new_user()
    order, other = an_order(somebody, (supply, 2), (supply, 1)), an_order(somebody, (supply, 4))
    reserve(isolated, order, other)
    assert all_at_once([lambda: release(isolated, order)] * 20) == [[True]] * 20
    assert release(isolated, order, order) == [True, True]
    assert left(isolated, supply) == (6, 4, 0)
    assert story(isolated, order) == [["supply.reserved", "supply.released"]] * 2


def test_missing_reservations_get_one_tombstone(isolated: IsolatedServices, sell: Sell) -> None:
    """Each missing reservation gets one event, of quantity 0, even of an unknown supply; no stock changes."""
    supply, somebody = sell(), isolated.new_user()
    order = an_order(somebody, (supply, 2), ("nonsense", 1))
    assert all_at_once([lambda: release(isolated, order)] * 20) == [[True]] * 20
    assert left(isolated, supply) == (10, 0, 0)
    assert story(isolated, order) == [["supply.released"]] * 2
    assert isolated.stream(order.lines[0].reservation_id)[0].data["quantity"] == 0


def test_what_was_sold_stays_sold(isolated: IsolatedServices, sell: Sell) -> None:
    """A release of a paid order says that it is not released, and returns nothing, while others in its batch are."""
    supply, somebody = sell(), isolated.new_user(USDC=10_000)
    paid = isolated.buy(somebody, (supply, 2))
    isolated.deliver("commit_stock", paid.id)
    sold, live = an_order(somebody, (supply, 2)), an_order(somebody, (supply, 3))
    sold.order_id, sold.lines[0].reservation_id = paid.id, isolated.reservations_of(paid)[0]
    reserve(isolated, live)
    assert left(isolated, supply) == (5, 3, 2)
    assert release(isolated, sold, live, sold) == [False, True, False]
    assert left(isolated, supply) == (8, 0, 2)


def test_a_reservation_races_its_release(isolated: IsolatedServices, sell: Sell) -> None:
    """Whichever is first, thirty times: in the end nothing is reserved, and every further try is refused."""
    supply, somebody = sell(), isolated.new_user()
    for _ in range(30):
        order = an_order(somebody, (supply, 1), (supply, 1))
        calls: list[Callable[[], object]] = [partial(reserve, isolated, order), partial(release, isolated, order)]
        reserved, released = all_at_once(calls)
        assert released == [True]
        assert reserved in ([""], ["STOCK_RELEASED"])
        assert reserve(isolated, order) == ["STOCK_RELEASED"]
        expected = ["supply.reserved", "supply.released"] if reserved == [""] else ["supply.released"]
        assert story(isolated, order) == [expected] * 2
    assert left(isolated, supply) == (10, 0, 0)


def test_an_empty_batch_is_answered(isolated: IsolatedServices) -> None:
    """An empty request does nothing; neither does an order without lines."""
    assert release(isolated) == []
    assert release(isolated, an_order(isolated.new_user())) == [True]


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service gives stock back."""
    only_for_callers("release_stock")
