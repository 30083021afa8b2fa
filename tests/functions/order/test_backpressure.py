"""Backpressure: new orders wait while payments lag behind."""

from datetime import datetime, timedelta

import pytest

from emulators.stack.stack import Stack
from functions.order import saga
from functions.order.adapters.work import Work
from functions.order.create_order import CreateOrder, create_order
from functions.order.pricing import OrderLine
from shared.config import Settings
from shared.money import Amount
from shared.resources import Resources
from tests.clocks import FakeClock
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import terms
from tests.isolated_services import IsolatedServices


@pytest.fixture
def shop() -> Shop:
    return Shop()


def lagging(shop: Shop, by_seconds: float) -> FakeWork:
    """The work of a shop with one confirmed order that has waited so long for its payment."""
    wallet_id, supply = shop.funds(10**6), shop.sells(terms(), 10)
    items = [OrderLine(supply_id=supply.supply_id, quantity=1)]
    create_order(CreateOrder(wallet_id, items), shop.buyer, FakeWork(shop))
    shop.clock.pass_by(seconds=by_seconds)
    return FakeWork(shop)


@pytest.mark.parametrize(("lag", "waits"), [(1.9, False), (2.1, True), (50, True), (61, False)])
def test_new_orders_wait_while_payments_lag(shop: Shop, lag: float, waits: bool) -> None:
    """For as long as a payment may lag, at least; not for one that is stuck, which the sweep looks after."""
    work = lagging(shop, lag)
    before = shop.clock.now()
    saga.begin([], work)
    waited = shop.clock.now() - before
    assert (waited >= timedelta(seconds=2)) == waits
    assert waited < timedelta(seconds=10)


def test_new_orders_go_on_when_payments_have_caught_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait no longer than it takes."""
    work = lagging(shop, 5)
    pauses: list[int] = []

    def pause(attempt: int) -> None:
        pauses.append(attempt)
        shop.deliver()

    monkeypatch.setattr(work, "pause", pause)
    saga.begin([], work)
    assert pauses == [0]


def test_backpressure_can_be_turned_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a lag of 0 nothing waits, and nothing is looked up."""
    work = lagging(shop, 30)
    monkeypatch.setattr(work, "payment_lag_seconds", 0)
    monkeypatch.setattr(work, "payments_lag", lambda _: pytest.fail("it was looked up"))
    saga.begin([], work)


def test_the_lag_is_that_of_the_oldest_order_whose_payment_is_on_its_way(stack: Stack) -> None:
    """Not of pending, free or paid ones, nor of one that the sweep looks after already."""
    with IsolatedServices.within(stack) as isolated:  # in shared ones other tests' orders wait, some of them in future
        check_lag(isolated)


def check_lag(isolated: IsolatedServices) -> None:
    """Where no other order is."""
    seller, buyer = isolated.new_user(), isolated.new_user(USDC=10_000)
    supply, gift = isolated.sell(seller), isolated.sell(seller, unit_price=Amount(0))
    isolated.buy(buyer, (supply, 1))
    isolated.confirm(isolated.place(buyer, (gift, 1)))
    isolated.place(buyer, (supply, 1))

    def lag(after: timedelta) -> float:
        with isolated.later(after):
            work = Work(isolated.resources, "order")
            return (work.now() - work.oldest_payment()).total_seconds()

    assert lag(timedelta(seconds=30)) < 1
    isolated.confirm(isolated.place(buyer, (supply, 1)))
    assert 30 <= lag(timedelta(seconds=30)) <= 59
    assert lag(timedelta(minutes=2)) < 1


def test_the_lag_is_looked_up_only_when_it_can_have_grown_so_far(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once where nothing lags, until as much time has passed; again and again while payments lag."""
    clock = FakeClock()
    resources, began = Resources(settings, clock), clock.now()
    oldest, looks = began, list[float]()

    def look(work: Work) -> datetime:
        looks.append((work.now() - began).total_seconds())
        return oldest

    monkeypatch.setattr(Work, "oldest_payment", look)

    def lags(after: float) -> bool:
        clock.moment = began + timedelta(seconds=after)
        return Work(resources, "order").payments_lag(timedelta(seconds=2))

    assert [lags(after) for after in (0, 1, 2)] == [False, False, False]
    assert looks == [0]
    oldest = began + timedelta(seconds=1)
    assert [lags(after) for after in (2.5, 3, 3.5, 3.6)] == [False, False, True, True]
    assert looks == [0, 2.5, 3.5, 3.6]
