"""Expiry: an order without an outcome in time expires, and its reservations and hold are released."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.order.domain.errors import OrderRefused
from functions.order.expire_orders import expire_orders
from tests.clocks import START
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import HOUR_AGO, Attempt
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import placed
from tests.functions.order.steps import Disturbance, Steps
from tests.triggers import Triggers

OnSale = Callable[..., dict[str, Any]]


def test_an_order_expires_at_its_time_and_not_before() -> None:
    """A pending order expires at its expiry; one with an outcome never does."""
    shop = Shop()
    with FakeWork(shop).transaction() as work:
        pending, confirmed = work.orders.place([placed(), placed()])
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
    buyer: ApiUser,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """Stuck past its expiry with stock and hold: order.expired, both released, and its request gets ORDER_EXPIRED."""
    supply = on_sale()
    request = attempt(buyer, supply, by=HOUR_AGO)
    request.crash("wallet.hold")
    assert probe.money(buyer.wallet_id) == (FUNDS, 1000)
    triggers.start(sweeper)
    order_id = probe.orders_of(buyer.user_id)[0]
    assert probe.settled(order_id).status == "expired"
    assert probe.event_types(order_id) == ["order.placed", "order.expired"]
    assert probe.stock(supply["id"]).available == 10
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)
    answers = [request.send() for _ in range(2)]
    for answer in answers:
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["order_id"]) == (409, "ORDER_EXPIRED", order_id)
        assert answer.headers["Idempotent-Replayed"] == "true"
    assert answers[0].content == answers[1].content


@pytest.mark.parametrize("step", ["supply.reserve", "wallet.hold"])
def test_a_command_that_comes_after_the_end_takes_nothing(
    step: str,
    buyer: ApiUser,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """A request that is slow at a step while its order expires is refused, and so are its late commands."""
    supply = on_sale()
    request = attempt(buyer, supply, by=HOUR_AGO)

    def expire() -> None:
        triggers.start("expire_orders")
        order_id = probe.orders_of(buyer.user_id)[0]
        probe.until(order_id, lambda account: (account.hold, account.reservations) == ("released", ("released",)))

    with pytest.raises(OrderRefused) as refused:
        request.run(Steps(Disturbance(step, "before", expire)))
    order_id = probe.orders_of(buyer.user_id)[0]
    assert (refused.value.code, refused.value.members) == ("ORDER_EXPIRED", {"order_id": order_id})
    assert probe.settled(order_id, within_seconds=0).status == "expired"
    assert probe.stock(supply["id"]) == Stock(quantity=10, available=10, reserved=0, sold=0)
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_the_owners_give_back_without_an_event(
    buyer: ApiUser,
    on_sale: OnSale,
    stuck: Callable[..., str],
    probe: DatabaseProbe,
    triggers: Triggers,
    unpublished: None,
) -> None:
    """While no event of the order arrives, the sweeps of supply and wallet query it, and release on their own."""
    supply = on_sale()
    order_id = stuck(buyer, supply, by=HOUR_AGO)
    triggers.start("sweep_reservations")
    account = probe.account(order_id)
    assert (account.status, account.reservations) == ("expired", ("released",))
    triggers.start("sweep_holds")
    assert probe.settled(order_id, within_seconds=0).status == "expired"
    assert probe.stock(supply["id"]).available == 10
    assert probe.money(buyer.wallet_id) == (FUNDS, 0)


def test_what_a_confirmed_order_has_taken_outlives_its_time(
    buyer: ApiUser,
    on_sale: OnSale,
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
    triggers: Triggers,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """Confirmed, not captured, past its expiry: the sweeps make reservation and hold firm, and it is paid."""
    supply = on_sale()
    firm = "SELECT firm FROM {} WHERE order_id = :order_id"
    with pause_order_relay():
        order = attempt(buyer, supply, by=HOUR_AGO).run()
        for sweeper in ("sweep_reservations", "sweep_holds", "expire_orders", "advance_orders"):
            triggers.start(sweeper)
        assert probe.rows("supply", firm.format("reservations"), order_id=order.id) == [{"firm": True}]
        assert probe.rows("wallet", firm.format("holds"), order_id=order.id) == [{"firm": True}]
        assert probe.account(order.id).status == "confirmed"
        assert probe.stock(supply["id"]) == Stock(quantity=10, available=9, reserved=1, sold=0)
    assert probe.settled(order.id).status == "paid"
