"""Maturing: seven days after payment the merchant is due the money, whatever happens concurrently."""

import copy
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from threading import Barrier
from typing import Any

import pytest

from functions.order.adapters.work import Work
from functions.order.domain.order import Order
from functions.order.mature_orders import mature_orders
from functions.order.ports import OrderWork
from functions.order.refund_order import refund_order
from functions.order.requests import RefundOrder
from shared.errors import Refusal
from tests.clocks import ShiftedClock
from tests.functions.order.fakes import FakeWork, Shop
from tests.functions.order.scenes import HISTORIES, order_in
from tests.isolated_services import IsolatedServices, IsolatedUser

WEEK = timedelta(days=7)
module: Any = import_module("functions.order.mature_orders")


@pytest.mark.parametrize("stage", HISTORIES)
def test_only_what_is_paid_matures(stage: str) -> None:
    """To the moment, and once; what is claimed, refunded, being refunded or not paid never does."""
    shop = Shop()
    order = order_in(shop, stage)
    shop.clock.pass_by(days=7, microseconds=-1)
    assert mature_orders(FakeWork(shop))["matured"] == 0
    shop.clock.pass_by(microseconds=1)
    assert mature_orders(FakeWork(shop))["matured"] == (stage == "paid")
    assert shop.order(order.id).stage == ("matured" if stage == "paid" else stage)
    shop.clock.pass_by(days=7)
    assert mature_orders(FakeWork(shop)) == {"matured": 0, "waiting": 0}


def test_what_cannot_mature_does_not_keep_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An order that meets a defect is logged and passed over; those behind it mature; it is tried again later."""
    shop = Shop()
    broken, sound = order_in(shop, "paid").id, order_in(shop, "paid").id
    shop.clock.pass_by(days=7)
    real = module._mature

    def fail(order_id: str, work: OrderWork) -> Order:
        if order_id == broken:
            raise ValueError("its history makes no sense")
        matured: Order = real(order_id, work)
        return matured

    monkeypatch.setattr(module, "_mature", fail)
    assert mature_orders(FakeWork(shop)) == {"matured": 1, "waiting": 1}
    assert (shop.order(broken).stage, shop.order(sound).stage) == ("paid", "matured")
    assert "its history makes no sense" in caplog.text
    monkeypatch.undo()
    shop.clock.pass_by(seconds=15)
    assert mature_orders(FakeWork(shop)) == {"matured": 1, "waiting": 0}


def aged(isolated: IsolatedServices, by: timedelta) -> Any:
    """The isolated order service's work, with its clock that much ahead."""
    resources = copy.copy(isolated.resources)
    resources.clock = ShiftedClock(by)
    return Work(resources, "order")


def refunded(isolated: IsolatedServices, merchant: IsolatedUser, order_id: str) -> str:
    """Have the merchant refund an order now: `refunded`, or the code of the refusal."""
    try:
        return refund_order(RefundOrder(order_id=order_id), merchant.caller, aged(isolated, timedelta(0))).status
    except Refusal as refusal:
        return refusal.code


def test_a_matured_order_is_settled_and_may_be_claimed(isolated: IsolatedServices) -> None:
    """Its merchant has the money less the fee at the event; a claim later is recorded, and settles nothing more."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=1000)
    order = isolated.buy(buyer, (isolated.sell(merchant), 1))
    assert mature_orders(aged(isolated, WEEK + timedelta(minutes=1)))["matured"] >= 1
    assert refunded(isolated, merchant, order.id) == "NOT_REFUNDABLE"
    isolated.deliver("settle_order", order.id)
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)
    with isolated.orders.transaction() as work:
        matured = work.orders.lock(order.id)
    assert (matured.status, matured.stage, matured.claimable) == ("paid", "matured", True)
    isolated.record(matured, matured.claim("clm_us_x"))
    isolated.deliver("settle_order", order.id)
    assert isolated.probe.money(merchant.wallet_id) == (975, 0)
    assert isolated.probe.account(order.id).escrow == "settled"


@pytest.mark.parametrize("times", [10, pytest.param(50, marks=pytest.mark.long)])
def test_a_refund_against_maturing(times: int, isolated: IsolatedServices) -> None:
    """Concurrently: either the buyer has the money or the merchant, and the response to the refund says which."""
    merchant, buyer = isolated.new_user(), isolated.new_user(USDC=1000 * times)
    supply = isolated.sell(merchant, quantity=times)
    answers = {}
    for _ in range(times):
        order_id, start = isolated.buy(buyer, (supply, 1)).id, Barrier(2)

        def mature(start: Barrier = start) -> None:
            start.wait(10)
            time.sleep(random.uniform(0, 0.02))
            mature_orders(aged(isolated, WEEK + timedelta(minutes=1)))

        with ThreadPoolExecutor(1) as pool:
            maturing = pool.submit(mature)
            start.wait(10)
            time.sleep(random.uniform(0, 0.02))
            answers[order_id] = refunded(isolated, merchant, order_id)
            maturing.result()
        isolated.deliver("settle_order", order_id)
    assert set(answers.values()) <= {"refunded", "NOT_REFUNDABLE"}
    back = list(answers.values()).count("refunded")
    assert isolated.probe.money(buyer.wallet_id) == (1000 * back, 0)
    assert isolated.probe.money(merchant.wallet_id) == (975 * (times - back), 0)
    escrows = {order_id: isolated.probe.account(order_id).escrow for order_id in answers}
    assert escrows == {each: "refunded" if answers[each] == "refunded" else "settled" for each in answers}
