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
from tests.isolated_services import IsolatedServices
from tests.races import all_at_once

Sell = Callable[..., SupplyView]


def test_a_reservation_takes_units_off_sale(isolated: IsolatedServices, sell: Sell) -> None:
    """The units are neither available nor sold, with a supply.reserved event for each line."""
    supply, somebody = sell(), isolated.new_user()
    order = an_order(somebody, (supply, 3))
    assert reserve(isolated, order) == [""]
    assert left(isolated, supply) == (7, 3, 0)
    (event,) = isolated.stream(order.lines[0].reservation_id)
    assert (event.type, event.version) == ("supply.reserved", 1)
    assert event.data == {
        "reservation_id": order.lines[0].reservation_id,
        "supply_id": supply.id,
        "order_id": order.order_id,
        "user_id": somebody.user_id,
        "quantity": 3,
        "expires_at": event.data["expires_at"],
    }


def test_all_lines_are_reserved_or_none(isolated: IsolatedServices, sell: Sell) -> None:
    """An order that cannot have one of its lines leaves the others as they were."""
    much, little, draft = sell(), sell(quantity=1), sell(status="draft")
    somebody = isolated.new_user()
    assert reserve(isolated, an_order(somebody, (much, 5), (little, 2))) == ["SOLD_OUT"]
    assert reserve(isolated, an_order(somebody, (much, 5), (draft, 1))) == ["NOT_ON_SALE"]
    assert (left(isolated, much), left(isolated, little), left(isolated, draft)) == ((10, 0, 0), (1, 0, 0), (10, 0, 0))
    order = an_order(somebody, (much, 5), (little, 1))
    assert reserve(isolated, order) == [""]
    assert (left(isolated, much), left(isolated, little)) == ((5, 5, 0), (0, 1, 0))
    assert story(isolated, order) == [["supply.reserved"], ["supply.reserved"]]


def test_lines_of_the_same_supply_count_together(isolated: IsolatedServices, sell: Sell) -> None:
    """Two lines are two reservations of their sum."""
    supply, somebody = sell(quantity=5, per_user_limit=4), isolated.new_user()
    assert reserve(isolated, an_order(somebody, (supply, 3), (supply, 2))) == ["USER_LIMIT"]
    order = an_order(somebody, (supply, 3), (supply, 1))
    assert reserve(isolated, order) == [""]
    assert left(isolated, supply) == (1, 4, 0)
    assert story(isolated, order) == [["supply.reserved"], ["supply.reserved"]]


def test_a_limit_counts_what_is_reserved_and_what_is_sold(isolated: IsolatedServices, sell: Sell) -> None:
    """Live and sold units of a buyer count, released ones and those of others do not."""
    supply, somebody = sell(per_user_limit=3), isolated.new_user(USDC=10_000)
    bought = isolated.buy(somebody, (supply, 1))
    isolated.deliver("commit_stock", bought.id)
    live, gone = an_order(somebody, (supply, 1)), an_order(somebody, (supply, 1))
    assert [reserve(isolated, live), reserve(isolated, gone)] == [[""], [""]]
    assert reserve(isolated, an_order(somebody, (supply, 1))) == ["USER_LIMIT"]
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 3))) == [""]
    release(isolated, gone)
    assert reserve(isolated, an_order(somebody, (supply, 2))) == ["USER_LIMIT"]
    assert reserve(isolated, an_order(somebody, (supply, 1))) == [""]


def test_a_limit_holds_in_a_race(isolated: IsolatedServices, sell: Sell) -> None:
    """Of two concurrent orders of one buyer that together exceed the limit one is refused, ten times."""
    for _ in range(10):
        supply, somebody = sell(per_user_limit=2), isolated.new_user()
        orders = [an_order(somebody, (supply, 2)) for _ in range(2)]
        answers = all_at_once([partial(reserve, isolated, order) for order in orders])
        assert sorted(answers) == [[""], ["USER_LIMIT"]]
        assert left(isolated, supply) == (8, 2, 0)


def test_one_refusal_does_not_touch_the_others(isolated: IsolatedServices, sell: Sell) -> None:
    """In a batch each order is decided by itself, against what the ones before it left."""
    supply, limited = sell(quantity=5), sell(per_user_limit=1)
    ann, bob = isolated.new_user(), isolated.new_user()
    batch = [
        an_order(ann, (supply, 4)),
        an_order(bob, (supply, 2)),
        an_order(bob, (limited, 2)),
        an_order(ann, (limited, 1), (supply, 1)),
        an_order(bob, (ids.new("sup", "us"), 1)),
        an_order(bob, ("' OR 1=1", 1)),
        an_order(bob, (limited, 1)),
    ]
    assert reserve(isolated, *batch) == ["", "SOLD_OUT", "USER_LIMIT", "", "NOT_ON_SALE", "NOT_ON_SALE", ""]
    assert (left(isolated, supply), left(isolated, limited)) == ((0, 5, 0), (8, 2, 0))


def test_a_repeat_answers_as_the_first_did(isolated: IsolatedServices, sell: Sell) -> None:
    """In one batch, in others and by twenty at once, an order takes its units once."""
    supply = sell(quantity=3)
    order = an_order(isolated.new_user(), (supply, 2))
    assert reserve(isolated, order, order) == ["", ""]
    assert all_at_once([lambda: reserve(isolated, order)] * 20) == [[""]] * 20
    fresh = an_order(isolated.new_user(), (supply, 1))
    assert all_at_once([lambda: reserve(isolated, fresh)] * 20) == [[""]] * 20
    assert left(isolated, supply) == (0, 3, 0)
    assert story(isolated, order) == story(isolated, fresh) == [["supply.reserved"]]


def test_what_was_released_first_is_never_reserved(isolated: IsolatedServices, sell: Sell) -> None:
    """The tombstone of a release refuses the late command, however often it comes."""
    supply = sell()
    order = an_order(isolated.new_user(), (supply, 2), (supply, 1))
    assert release(isolated, order) == [True]
    assert [reserve(isolated, order), reserve(isolated, order)] == [["STOCK_RELEASED"]] * 2
    assert left(isolated, supply) == (10, 0, 0)
    assert story(isolated, order) == [["supply.released"]] * 2


def test_what_was_reserved_and_released_stays_released(isolated: IsolatedServices, sell: Sell) -> None:
    """A repeat of the command after its release takes nothing again."""
    supply = sell()
    order = an_order(isolated.new_user(), (supply, 2))
    reserve(isolated, order)
    release(isolated, order)
    assert reserve(isolated, order) == ["STOCK_RELEASED"]
    assert left(isolated, supply) == (10, 0, 0)


def test_a_sale_ends_exactly_at_the_last_unit(isolated: IsolatedServices, sell: Sell) -> None:
    """Of fifty concurrent buyers for twenty units, twenty get one and thirty are refused as sold out."""
    supply = sell(quantity=20)
    orders = [an_order(isolated.new_user(), (supply, 1)) for _ in range(50)]
    answers = all_at_once([partial(reserve, isolated, order) for order in orders])
    assert sorted(answers) == [[""]] * 20 + [["SOLD_OUT"]] * 30
    assert left(isolated, supply) == (0, 20, 0)


def test_orders_that_cross_each_other_all_end(isolated: IsolatedServices, sell: Sell) -> None:
    """Orders that name the same supplies in opposite order do not deadlock."""
    supplies = [sell(quantity=100) for _ in range(3)]
    somebody = isolated.new_user()
    forth = [an_order(somebody, *((supply, 1) for supply in supplies)) for _ in range(10)]
    back = [an_order(somebody, *((supply, 1) for supply in reversed(supplies))) for _ in range(10)]
    assert all_at_once([partial(reserve, isolated, order) for order in [*forth, *back]]) == [[""]] * 20
    assert [left(isolated, supply) for supply in supplies] == [(80, 20, 0)] * 3


@pytest.mark.parametrize("status", ["draft", "paused", "archived"])
def test_only_what_is_active_sells(isolated: IsolatedServices, sell: Sell, status: str) -> None:
    """Whatever stock there is."""
    supply = sell()
    change = "UPDATE supplies SET status = :status WHERE id = :id RETURNING id"
    isolated.probe.rows("supply", change, id=supply.id, status=status)
    assert reserve(isolated, an_order(isolated.new_user(), (supply, 1))) == ["NOT_ON_SALE"]


def test_an_order_without_units_is_refused(isolated: IsolatedServices, sell: Sell) -> None:
    """No lines, or a line of 0, is an error of the caller, and the batch leaves nothing behind."""
    supply, somebody = sell(), isolated.new_user()
    good = an_order(somebody, (supply, 1))
    for bad in (an_order(somebody), an_order(somebody, (supply, 1), (supply, 0))):
        with pytest.raises(Malformed):
            reserve(isolated, good, bad)
    assert left(isolated, supply) == (10, 0, 0)
    assert story(isolated, good) == [[]]


def test_an_empty_batch_is_answered(isolated: IsolatedServices) -> None:
    """An empty request does nothing."""
    assert reserve(isolated) == []


def test_a_free_drop_reserves_like_any_other(isolated: IsolatedServices, sell: Sell) -> None:
    """Price 0 changes nothing for the stock."""
    supply = sell(unit_price=Amount(0), quantity=1)
    order: Order = isolated.confirm(isolated.place(isolated.new_user(), (supply, 1)))
    assert left(isolated, supply) == (0, 1, 0)
    isolated.deliver("commit_stock", order.id)
    assert left(isolated, supply) == (0, 0, 1)


def test_only_order_may_ask(only_for_callers: Callable[[str], None]) -> None:
    """No other service takes stock."""
    only_for_callers("reserve_stock")


def test_a_hot_supply_is_sold_in_batches_and_never_too_often(isolated: IsolatedServices) -> None:
    """Sixty buyers at once through the host: as many as there are units reserve, in far fewer transactions."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=10**9)
    supply = isolated.sell(merchant, quantity=40)
    orders = [isolated.place(buyer, (supply, 1)) for _ in range(60)]
    refusals = all_at_once([partial(isolated.orders.supply.reserve, [order]) for order in orders])
    assert [refusal[0] for (refusal,) in refusals if refusal] == ["SOLD_OUT"] * 20
    assert isolated.probe.stock(supply.id).reserved == 40
    sql = "SELECT count(DISTINCT xmin::text) AS n FROM reservations WHERE supply_id = :id"
    (row,) = isolated.probe.rows("supply", sql, id=supply.id)
    assert row["n"] < 40
    assert isolated.violations() == []
