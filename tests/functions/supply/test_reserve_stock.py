"""Reserving stock."""

from collections.abc import Callable
from functools import partial

import pytest

from functions.order.domain.order import Order
from functions.supply.views import SupplyView
from shared import ids
from shared.errors import Malformed
from shared.money import Amount
from tests.functions.supply.stock import an_order, left, release, reserve, story
from tests.island import Island
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def test_a_reservation_takes_units_off_sale(island: Island, sell: Sell) -> None:
    """The units are neither available nor sold, and a supply.reserved event tells of each line."""
    supply, somebody = sell(), island.islander()
    order = an_order(somebody, (supply, 3))
    assert reserve(island, order) == [""]
    assert left(island, supply) == (7, 3, 0)
    (event,) = island.stream(order.lines[0].reservation_id)
    assert (event.type, event.version) == ("supply.reserved", 1)
    assert event.data == {
        "reservation_id": order.lines[0].reservation_id,
        "supply_id": supply.id,
        "order_id": order.order_id,
        "user_id": somebody.user_id,
        "quantity": 3,
        "expires_at": event.data["expires_at"],
    }


def test_all_lines_are_reserved_or_none(island: Island, sell: Sell) -> None:
    """An order that cannot have one of its lines leaves the others as they were."""
    much, little, draft = sell(), sell(quantity=1), sell(status="draft")
    somebody = island.islander()
    assert reserve(island, an_order(somebody, (much, 5), (little, 2))) == ["SOLD_OUT"]
    assert reserve(island, an_order(somebody, (much, 5), (draft, 1))) == ["NOT_ON_SALE"]
    assert (left(island, much), left(island, little), left(island, draft)) == ((10, 0, 0), (1, 0, 0), (10, 0, 0))
    order = an_order(somebody, (much, 5), (little, 1))
    assert reserve(island, order) == [""]
    assert (left(island, much), left(island, little)) == ((5, 5, 0), (0, 1, 0))
    assert story(island, order) == [["supply.reserved"], ["supply.reserved"]]


def test_lines_of_the_same_supply_count_together(island: Island, sell: Sell) -> None:
    """Two lines are two reservations of their sum."""
    supply, somebody = sell(quantity=5, per_user_limit=4), island.islander()
    assert reserve(island, an_order(somebody, (supply, 3), (supply, 2))) == ["USER_LIMIT"]
    order = an_order(somebody, (supply, 3), (supply, 1))
    assert reserve(island, order) == [""]
    assert left(island, supply) == (1, 4, 0)
    assert story(island, order) == [["supply.reserved"], ["supply.reserved"]]


def test_a_limit_counts_what_is_reserved_and_what_is_sold(island: Island, sell: Sell) -> None:
    """Live and sold units of a buyer count, released ones and those of others do not."""
    supply, somebody = sell(per_user_limit=3), island.islander(USDC=10_000)
    bought = island.buy(somebody, (supply, 1))
    island.deliver("commit_stock", bought.id)
    live, gone = an_order(somebody, (supply, 1)), an_order(somebody, (supply, 1))
    assert [reserve(island, live), reserve(island, gone)] == [[""], [""]]
    assert reserve(island, an_order(somebody, (supply, 1))) == ["USER_LIMIT"]
    assert reserve(island, an_order(island.islander(), (supply, 3))) == [""]
    release(island, gone)
    assert reserve(island, an_order(somebody, (supply, 2))) == ["USER_LIMIT"]
    assert reserve(island, an_order(somebody, (supply, 1))) == [""]


def test_a_limit_holds_in_a_race(island: Island, sell: Sell) -> None:
    """Of two orders of one buyer at the same moment that do not fit the limit together one is refused, ten times."""
    for _ in range(10):
        supply, somebody = sell(per_user_limit=2), island.islander()
        orders = [an_order(somebody, (supply, 2)) for _ in range(2)]
        answers = all_at_once([partial(reserve, island, order) for order in orders])
        assert sorted(answers) == [[""], ["USER_LIMIT"]]
        assert left(island, supply) == (8, 2, 0)


def test_one_refusal_does_not_touch_the_others(island: Island, sell: Sell) -> None:
    """In a batch each order is decided by itself, against what the ones before it left."""
    supply, limited = sell(quantity=5), sell(per_user_limit=1)
    ann, bob = island.islander(), island.islander()
    batch = [
        an_order(ann, (supply, 4)),
        an_order(bob, (supply, 2)),
        an_order(bob, (limited, 2)),
        an_order(ann, (limited, 1), (supply, 1)),
        an_order(bob, (ids.new("sup", "us"), 1)),
        an_order(bob, ("' OR 1=1", 1)),
        an_order(bob, (limited, 1)),
    ]
    assert reserve(island, *batch) == ["", "SOLD_OUT", "USER_LIMIT", "", "NOT_ON_SALE", "NOT_ON_SALE", ""]
    assert (left(island, supply), left(island, limited)) == ((0, 5, 0), (8, 2, 0))


def test_a_repeat_answers_as_the_first_did(island: Island, sell: Sell) -> None:
    """In one batch, in others and by twenty at once, an order takes its units once."""
    supply = sell(quantity=3)
    order = an_order(island.islander(), (supply, 2))
    assert reserve(island, order, order) == ["", ""]
    assert all_at_once([lambda: reserve(island, order)] * 20) == [[""]] * 20
    fresh = an_order(island.islander(), (supply, 1))
    assert all_at_once([lambda: reserve(island, fresh)] * 20) == [[""]] * 20
    assert left(island, supply) == (0, 3, 0)
    assert story(island, order) == story(island, fresh) == [["supply.reserved"]]


def test_what_was_released_first_is_never_reserved(island: Island, sell: Sell) -> None:
    """The tombstone of a release refuses the late command, however often it comes."""
    supply = sell()
    order = an_order(island.islander(), (supply, 2), (supply, 1))
    assert release(island, order) == [True]
    assert [reserve(island, order), reserve(island, order)] == [["STOCK_RELEASED"]] * 2
    assert left(island, supply) == (10, 0, 0)
    assert story(island, order) == [["supply.released"]] * 2


def test_what_was_reserved_and_released_stays_released(island: Island, sell: Sell) -> None:
    """A repeat of the command after its release takes nothing again."""
    supply = sell()
    order = an_order(island.islander(), (supply, 2))
    reserve(island, order)
    release(island, order)
    assert reserve(island, order) == ["STOCK_RELEASED"]
    assert left(island, supply) == (10, 0, 0)


def test_a_sale_ends_exactly_at_the_last_unit(island: Island, sell: Sell) -> None:
    """Of fifty buyers at the same moment for twenty units, twenty get one and thirty are told that it is sold out."""
    supply = sell(quantity=20)
    orders = [an_order(island.islander(), (supply, 1)) for _ in range(50)]
    answers = all_at_once([partial(reserve, island, order) for order in orders])
    assert sorted(answers) == [[""]] * 20 + [["SOLD_OUT"]] * 30
    assert left(island, supply) == (0, 20, 0)


def test_orders_that_cross_each_other_all_end(island: Island, sell: Sell) -> None:
    """Orders that name the same supplies in opposite order do not block each other for good."""
    supplies = [sell(quantity=100) for _ in range(3)]
    somebody = island.islander()
    forth = [an_order(somebody, *((supply, 1) for supply in supplies)) for _ in range(10)]
    back = [an_order(somebody, *((supply, 1) for supply in reversed(supplies))) for _ in range(10)]
    assert all_at_once([partial(reserve, island, order) for order in [*forth, *back]]) == [[""]] * 20
    assert [left(island, supply) for supply in supplies] == [(80, 20, 0)] * 3


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_what_is_active_sells(island: Island, sell: Sell, status: str) -> None:
    """Whatever stock there is."""
    supply = sell()
    change = "UPDATE supplies SET status = :status WHERE id = :id RETURNING id"
    island.books.rows("supply", change, id=supply.id, status=status)
    assert reserve(island, an_order(island.islander(), (supply, 1))) == ["NOT_ON_SALE"]


def test_an_order_without_units_is_refused(island: Island, sell: Sell) -> None:
    """No lines, or a line of 0, is an error of the caller, and the batch leaves nothing behind."""
    supply, somebody = sell(), island.islander()
    good = an_order(somebody, (supply, 1))
    for bad in (an_order(somebody), an_order(somebody, (supply, 1), (supply, 0))):
        with pytest.raises(Malformed):
            reserve(island, good, bad)
    assert left(island, supply) == (10, 0, 0)
    assert story(island, good) == [[]]


def test_an_empty_batch_is_answered(island: Island) -> None:
    """Nothing is asked for, nothing is done."""
    assert reserve(island) == []


def test_a_free_drop_reserves_like_any_other(island: Island, sell: Sell) -> None:
    """Price 0 changes nothing for the stock."""
    supply = sell(unit_price=Amount(0), quantity=1)
    order: Order = island.confirm(island.place(island.islander(), (supply, 1)))
    assert left(island, supply) == (0, 1, 0)
    island.deliver("commit_stock", order.id)
    assert left(island, supply) == (0, 0, 1)


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service takes stock."""
    only_for_callers("reserve_stock")
