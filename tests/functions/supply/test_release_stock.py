"""Giving stock back."""

from collections.abc import Callable
from functools import partial

from functions.supply.views import SupplyView
from tests.functions.supply.stock import an_order, left, release, reserve, story
from tests.island import Island
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def test_released_units_are_on_sale_again(island: Island, sell: Sell) -> None:
    """The event says why, and whose units of what they were; the next buyer gets them."""
    supply, somebody = sell(quantity=3), island.islander()
    order = an_order(somebody, (supply, 3))
    reserve(island, order)
    assert reserve(island, an_order(island.islander(), (supply, 1))) == ["SOLD_OUT"]
    assert release(island, order, reason="failed") == [True]
    assert left(island, supply) == (3, 0, 0)
    event = island.stream(order.lines[0].reservation_id)[1]
    assert (event.type, event.version) == ("supply.released", 2)
    assert event.data == {
        "reservation_id": order.lines[0].reservation_id,
        "supply_id": supply.id,
        "order_id": order.order_id,
        "user_id": somebody.user_id,
        "quantity": 3,
        "reason": "failed",
    }
    assert reserve(island, an_order(island.islander(), (supply, 3))) == [""]


def test_a_reservation_is_released_once_however_often_it_is_asked_for(island: Island, sell: Sell) -> None:
    """Twenty releases at the same moment return the units once, and all are told that they are free."""
    supply, somebody = sell(), island.islander()
    order, other = an_order(somebody, (supply, 2), (supply, 1)), an_order(somebody, (supply, 4))
    reserve(island, order, other)
    assert all_at_once([lambda: release(island, order)] * 20) == [[True]] * 20
    assert release(island, order, order) == [True, True]
    assert left(island, supply) == (6, 4, 0)
    assert story(island, order) == [["supply.reserved", "supply.released"]] * 2


def test_unknown_reservations_are_buried_once(island: Island, sell: Sell) -> None:
    """Releasing what was never made is told once, with quantity 0, and changes no stock; nor does an unknown supply."""
    supply, somebody = sell(), island.islander()
    order = an_order(somebody, (supply, 2), ("nonsense", 1))
    assert all_at_once([lambda: release(island, order)] * 20) == [[True]] * 20
    assert left(island, supply) == (10, 0, 0)
    assert story(island, order) == [["supply.released"]] * 2
    assert island.stream(order.lines[0].reservation_id)[0].data["quantity"] == 0


def test_what_was_sold_stays_sold(island: Island, sell: Sell) -> None:
    """A release of a paid order says that it is not released, and returns nothing, while others in its batch are."""
    supply, somebody = sell(), island.islander(USDC=10_000)
    paid = island.buy(somebody, (supply, 2))
    island.deliver("commit_stock", paid.id)
    sold, live = an_order(somebody, (supply, 2)), an_order(somebody, (supply, 3))
    sold.order_id, sold.lines[0].reservation_id = paid.id, island.reservations_of(paid)[0]
    reserve(island, live)
    assert left(island, supply) == (5, 3, 2)
    assert release(island, sold, live, sold) == [False, True, False]
    assert left(island, supply) == (8, 0, 2)


def test_a_reservation_races_its_release(island: Island, sell: Sell) -> None:
    """Whichever is first, thirty times: in the end nothing is reserved, and every further try is refused."""
    supply, somebody = sell(), island.islander()
    for _ in range(30):
        order = an_order(somebody, (supply, 1), (supply, 1))
        calls: list[Callable[[], object]] = [partial(reserve, island, order), partial(release, island, order)]
        reserved, released = all_at_once(calls)
        assert released == [True]
        assert reserved in ([""], ["STOCK_RELEASED"])
        assert reserve(island, order) == ["STOCK_RELEASED"]
        expected = ["supply.reserved", "supply.released"] if reserved == [""] else ["supply.released"]
        assert story(island, order) == [expected] * 2
    assert left(island, supply) == (10, 0, 0)


def test_an_empty_batch_is_answered(island: Island) -> None:
    """Nothing is asked for, nothing is done; so is an order without lines."""
    assert release(island) == []
    assert release(island, an_order(island.islander())) == [True]


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service gives stock back."""
    only_for_callers("release_stock")
