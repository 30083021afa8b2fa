"""The sweep of interrupted orders. test_saga.py has it finish them from every step."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.order.advance_orders import advance_orders
from functions.order.domain.order import Order
from functions.order.ports import RefusalReason
from shared.errors import CallNotPermitted, Contended, MeridianError, Unavailable
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe
from tests.functions.order.conftest import Attempt
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.samples import placed, terms
from tests.triggers import Triggers


def shop_with(orders: int) -> Shop:
    """A shop in which so many requests were cut off right after placing their orders, of one supply, now."""
    shop = Shop()
    supply = shop.sells(terms(), orders)
    with FakeWork(shop).transaction() as work:
        for _ in range(orders):
            order = work.orders.place([placed([(supply, 1)], shop.clock.now())])[0]
            shop.wallet.available[order.wallet_id] = order.total
    return shop


def statuses(shop: Shop) -> list[str]:
    """The statuses of all orders."""
    return [order.status for order in shop.orders()]


def test_a_request_in_time_is_left_alone() -> None:
    """An order is taken up 15 seconds after it was placed, longer than a request's lease; not before."""
    shop = shop_with(3)
    shop.clock.pass_by(seconds=14.9)
    assert advance_orders(FakeWork(shop)) == {"advanced": 0, "waiting": 0}
    assert statuses(shop) == ["pending"] * 3
    shop.clock.pass_by(seconds=0.1)
    assert advance_orders(FakeWork(shop)) == {"advanced": 3, "waiting": 0}
    assert statuses(shop) == ["confirmed"] * 3
    assert advance_orders(FakeWork(shop)) == {"advanced": 0, "waiting": 0}


@pytest.mark.parametrize(
    "error",
    [Unavailable(), CallNotPermitted(), Contended(), MeridianError("a defect of theirs"), ZeroDivisionError()],
    ids=repr,
)
def test_one_order_in_trouble_does_not_keep_the_others(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one order meets, those behind it come to their outcome; it is tried again the next time."""
    shop = shop_with(3)
    first, reserve = shop.orders()[0].id, shop.supply.reserve

    def fail(orders: Sequence[Order]) -> list[RefusalReason | None]:
        if first in [order.id for order in orders]:
            raise error
        return reserve(orders)

    monkeypatch.setattr(shop.supply, "reserve", fail)
    shop.clock.pass_by(seconds=20)
    assert advance_orders(FakeWork(shop)) == {"advanced": 2, "waiting": 1}
    assert statuses(shop) == ["pending", "confirmed", "confirmed"]
    assert shop.failures.known.keys() == {("advance_orders", first)}
    monkeypatch.undo()
    shop.clock.pass_by(seconds=15)
    assert advance_orders(FakeWork(shop)) == {"advanced": 1, "waiting": 0}
    assert not shop.failures.known


def test_a_service_that_is_away_keeps_none_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders need different services: however many wait for an unavailable one, the run continues."""
    shop = shop_with(6)
    stranded, reserve = {order.id for order in shop.orders()[:5]}, shop.supply.reserve

    def away(orders: Sequence[Order]) -> list[RefusalReason | None]:
        if stranded & {order.id for order in orders}:
            raise Unavailable
        return reserve(orders)

    monkeypatch.setattr(shop.supply, "reserve", away)
    shop.clock.pass_by(seconds=20)
    assert advance_orders(FakeWork(shop)) == {"advanced": 1, "waiting": 5}


def test_a_confirmed_order_without_news_of_its_hold_is_reconciled() -> None:
    """After a minute, repeatedly: while its hold is placed the order stays; once that is released it is cancelled."""
    shop = shop_with(2)
    shop.clock.pass_by(seconds=20)
    advance_orders(FakeWork(shop))
    first, second = shop.orders()
    shop.wallet.release(first)
    shop.clock.pass_by(seconds=59)
    assert advance_orders(FakeWork(shop)) == {"advanced": 0, "waiting": 0}
    shop.clock.pass_by(seconds=1)
    assert advance_orders(FakeWork(shop)) == {"advanced": 2, "waiting": 0}
    assert statuses(shop) == ["cancelled", "confirmed"]
    assert shop.supply.taken(shop.order(first.id)) == [0]
    shop.wallet.release(second)
    shop.clock.pass_by(seconds=15)
    advance_orders(FakeWork(shop))
    assert statuses(shop) == ["cancelled", "cancelled"]


def test_an_order_whose_refund_was_refused_is_reconciled() -> None:
    """Its refund was refused because it is claimed; without a claim event, the claim is recorded after a minute."""
    shop = shop_with(1)
    shop.clock.pass_by(seconds=20)
    advance_orders(FakeWork(shop))
    shop.deliver()
    (order,) = shop.orders()
    shop.claiming.claims[order.id] = "claimed"
    with FakeWork(shop).transaction() as work:
        requested = work.orders.record(order, order.request_refund(order.user_id, "", restock=False))
        work.orders.record(requested, requested.refuse_refund("ALREADY_CLAIMED"))
    assert advance_orders(FakeWork(shop)) == {"advanced": 0, "waiting": 0}
    shop.clock.pass_by(seconds=60)
    assert advance_orders(FakeWork(shop)) == {"advanced": 1, "waiting": 0}
    assert shop.story(order.id)[-1] == "order.claimed"


def test_sweepers_and_requests_at_once_make_one_outcome(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
    triggers: Triggers,
) -> None:
    """Several sweepers and the resumed requests of eight orders at the same time: each is confirmed and paid once."""
    supply = on_sale()
    cut = [attempt(buyer, supply) for _ in range(8)]
    for number, request in enumerate(cut):
        request.crash(("commit", "supply.reserve", "wallet.hold")[number % 3])
    with ThreadPoolExecutor(12) as pool:
        sweeping = [pool.submit(triggers.start, "advance_orders") for _ in range(4)]
        answers = list(pool.map(lambda request: request.send(), cut))
        assert all(set(sweep.result()) == {"advanced", "waiting"} for sweep in sweeping)
    assert [answer.status_code for answer in answers] == [201] * 8
    orders = probe.orders_of(buyer.user_id)
    assert {account.status for account in probe.all_settled(orders).values()} == {"paid"}
    assert {tuple(probe.event_types(order_id)) for order_id in orders} == {
        ("order.placed", "order.confirmed", "order.paid")
    }
    assert probe.stock(supply["id"]).sold == 8
    assert probe.money(buyer.wallet_id) == (FUNDS - 8000, 0)
