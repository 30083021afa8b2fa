"""Expiry: an order that came to no outcome in its time ends, and what it had taken goes back."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from emulators.buyer import Person
from functions.order.domain.errors import OrderRefused
from functions.order.expire_orders import expire_orders
from tests.books import Books, Stock
from tests.clocks import START
from tests.conftest import FUNDS
from tests.functions.order.conftest import HOUR_AGO, Attempt
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import placed
from tests.functions.order.steps import Disturbance, Steps
from tests.triggers import Triggers

OnSale = Callable[..., dict[str, Any]]


def test_an_order_expires_at_its_time_and_not_before() -> None:
    """A pending order ends when its time is reached; one with an outcome never does."""
    shop = Shop()
    with FakeWork(shop).transaction() as work:
        pending, confirmed = work.orders.place(placed()), work.orders.place(placed())
        work.orders.record(confirmed, confirmed.confirm())

    def expire() -> dict[str, int]:
        return expire_orders(FakeWork(shop))

    shop.clock.pass_by(minutes=14, seconds=59)
    assert expire() == {"expired": 0, "waiting": 0}
    shop.clock.moment = pending.expires_at
    assert expire() == {"expired": 1, "waiting": 0}
    assert (shop.order(pending.id).status, shop.order(confirmed.id).status) == ("expired", "confirmed")
    shop.clock.pass_by(days=1)
    assert expire() == {"expired": 0, "waiting": 0}
    assert shop.order(pending.id).updated_at == START.replace(minute=45)


@pytest.mark.parametrize("sweeper", ["expire_orders", "advance_orders", "sweep_reservations", "sweep_holds"])
def test_whichever_sweeper_comes_first_the_order_expires(
    sweeper: str,
    buyer: Person,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    books: Books,
    triggers: Triggers,
) -> None:
    """Stuck behind its time with stock and funds: order.expired, both back, and its request is ORDER_EXPIRED."""
    supply = on_sale()
    request = attempt(buyer, supply, by=HOUR_AGO)
    request.crash("wallet.hold")
    assert books.money(buyer.wallet_id) == (FUNDS, 1000)
    triggers.start(sweeper)
    order_id = books.orders_of(buyer.user_id)[0]
    assert books.settled(order_id).status == "expired"
    assert books.story(order_id) == ["order.placed", "order.expired"]
    assert books.stock(supply["id"]).available == 10
    assert books.money(buyer.wallet_id) == (FUNDS, 0)
    answers = [request.send() for _ in range(2)]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["order_id"]) == (409, "ORDER_EXPIRED", order_id)
        assert answer.headers["Idempotent-Replayed"] == "true"
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize("step", ["supply.reserve", "wallet.hold"])
def test_a_command_that_comes_after_the_end_takes_nothing(
    step: str, buyer: Person, on_sale: OnSale, attempt: Callable[..., Attempt], books: Books, triggers: Triggers
) -> None:
    """A request that is slow at a step while its order expires: it is told so, and its late commands are refused."""
    supply = on_sale()
    request = attempt(buyer, supply, by=HOUR_AGO)

    def expire() -> None:
        triggers.start("expire_orders")
        order_id = books.orders_of(buyer.user_id)[0]
        books.until(order_id, lambda account: (account.hold, account.reservations) == ("released", ("released",)))

    with pytest.raises(OrderRefused) as refused:
        request.run(Steps(Disturbance(step, "before", expire)))
    order_id = books.orders_of(buyer.user_id)[0]
    assert (refused.value.code, refused.value.members) == ("ORDER_EXPIRED", {"order_id": order_id})
    assert books.settled(order_id, within_seconds=0).status == "expired"
    assert books.stock(supply["id"]) == Stock(quantity=10, available=10, reserved=0, sold=0)
    assert books.money(buyer.wallet_id) == (FUNDS, 0)


def test_the_owners_give_back_without_an_event(
    buyer: Person,
    on_sale: OnSale,
    stuck: Callable[..., str],
    books: Books,
    triggers: Triggers,
    unpublished: None,
) -> None:
    """While no event of the order gets through, the sweepers of supply and wallet ask, and give back by themselves."""
    supply = on_sale()
    order_id = stuck(buyer, supply, by=HOUR_AGO)
    triggers.start("sweep_reservations")
    account = books.account(order_id)
    assert (account.status, account.reservations) == ("expired", ("released",))
    triggers.start("sweep_holds")
    assert books.settled(order_id, within_seconds=0).status == "expired"
    assert books.stock(supply["id"]).available == 10
    assert books.money(buyer.wallet_id) == (FUNDS, 0)


def test_what_a_confirmed_order_has_taken_outlives_its_time(
    buyer: Person,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    books: Books,
    triggers: Triggers,
    silence: Callable[[], AbstractContextManager[None]],
) -> None:
    """Confirmed, not captured yet, and past its time: the sweepers mark reservation and hold firm, and it is paid."""
    supply = on_sale()
    firm = "SELECT firm FROM {} WHERE order_id = :order_id"
    with silence():
        order = attempt(buyer, supply, by=HOUR_AGO).run()
        for sweeper in ("sweep_reservations", "sweep_holds", "expire_orders", "advance_orders"):
            triggers.start(sweeper)
        assert books.rows("supply", firm.format("reservations"), order_id=order.id) == [{"firm": True}]
        assert books.rows("wallet", firm.format("holds"), order_id=order.id) == [{"firm": True}]
        assert books.account(order.id).status == "confirmed"
        assert books.stock(supply["id"]) == Stock(quantity=10, available=9, reserved=1, sold=0)
    assert books.settled(order.id).status == "paid"
