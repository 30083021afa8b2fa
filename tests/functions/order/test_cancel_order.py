"""Cancelling, until the order is paid: released and cancelled, or captured and paid, never both."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.order.adapters.work import Work
from functions.order.cancel_order import CancelOrder, cancel_order
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Contended, Unavailable
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import HOUR_AGO, Attempt, body_of, crash
from tests.functions.order.scenes import CRASHED, SCENES, Scene
from tests.functions.order.steps import Crash, Disturbance, SteppedWork, Steps
from tests.samples import sample_id
from tests.triggers import Triggers

Order = dict[str, Any]


def cancel(person: ApiUser, order_id: str) -> Any:
    """Cancel an order: whatever is answered."""
    return person.request("POST", f"/v1/orders/{order_id}/cancel")


# On fakes: every way in which a cancellation can be disturbed


def fails(error: BaseException) -> Callable[[Scene], None]:
    """A disturbance that raises."""

    def happen(_: Scene) -> None:
        raise error

    return happen


DISTURBANCES: dict[str, Callable[[Scene], object]] = {
    "the process ends": fails(Crash()),
    "no answer comes": fails(Unavailable()),
    "a race is lost": fails(Contended()),
    "the hold is captured": lambda scene: scene.shop.capture(),
    "events are delivered": lambda scene: scene.shop.deliver(),
    "the request goes on": Scene.retry,
    "the sweeper comes": Scene.sweep,
    "the order expires": Scene.expire,
    "another cancellation": Scene.cancel,
}


def in_the_middle(name: str) -> list[Callable[[], Scene]]:
    """A purchase that was cut off after each step behind its placing, and one that was answered."""
    whole = Steps()
    SCENES[name]().buy(whole)
    placed = whole.taken.index("commit")

    def cut(at: int) -> Scene:
        scene = SCENES[name]()
        scene.buy(Steps(Disturbance(at, "after", partial(fails(Crash()), scene))))
        return scene

    return [partial(cut, at) for at in range(placed, len(whole.taken) + 1)]


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", ["one line", "free", "sold out", "too expensive"])
def test_a_disturbed_cancellation_comes_to_one_legal_end(name: str, disturbance: str) -> None:
    """From wherever the purchase stands, and whatever happens at any step of the cancellation: all agree in the end.

    An order reported as cancelled stays cancelled; only the hold is ever released before that is recorded.
    """
    for begin in in_the_middle(name):
        whole = Steps()
        begin().cancel(whole)
        for at, step in enumerate(whole.taken):
            for moment in ("before", "after"):
                scene = begin()
                happen = partial(DISTURBANCES[disturbance], scene)
                answer = scene.cancel(Steps(Disturbance(at, moment, happen)))
                where = f"{moment} {step} of {whole.taken}, answered {answer}"
                try:
                    status = scene.end()
                except AssertionError as error:
                    raise AssertionError(f"{where}: {error}") from error
                assert set(scene.shop.released_early) <= {"hold"}, where
                if answer not in ("UNAVAILABLE", "CONTENDED", CRASHED):
                    expected = {"201": "cancelled", "ORDER_PAID": "paid", "ORDER_EXPIRED": "expired"}
                    assert status == expected.get(answer, "failed"), where


# Over HTTP, on real parts


def test_a_confirmed_order_is_cancelled(
    buyer: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    probe: DatabaseProbe,
    unpublished: None,
) -> None:
    """200 with the order, everything is released by then, and a repeat returns the same."""
    supply, funds = on_sale(), probe.money(buyer.wallet_id)
    order = ordered(buyer, supply, 3)
    assert probe.money(buyer.wallet_id) == (funds[0], 3000)
    first = cancel(buyer, order["id"])
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert first.json()["items"] == order["items"]
    assert probe.settled(order["id"], within_seconds=0).status == "cancelled"
    assert probe.stock(supply["id"]).available == 10
    assert probe.money(buyer.wallet_id) == funds
    again = cancel(buyer, order["id"])
    assert (again.status_code, again.content) == (200, first.content)
    assert probe.event_types(order["id"]) == ["order.placed", "order.confirmed", "order.cancelled"]


def test_a_pending_order_is_cancelled(
    buyer: ApiUser, on_sale: Callable[..., Order], attempt: Callable[..., Attempt], probe: DatabaseProbe
) -> None:
    """Cancelling goes before the request that was cut off: its key then answers ORDER_CANCELLED, also when repeated."""
    supply = on_sale()
    for step in ("commit", "supply.reserve", "wallet.hold"):
        cut = attempt(buyer, supply)
        cut.crash(step)
        order_id = probe.orders_of(buyer.user_id)[-1]
        assert cancel(buyer, order_id).json()["status"] == "cancelled"
        assert probe.settled(order_id, within_seconds=0).status == "cancelled"
        answers = [cut.send() for _ in range(2)]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_CANCELLED")
            assert answer.json()["order_id"] == order_id
            assert answer.headers["Idempotent-Replayed"] == "true"
        assert answers[0].content == answers[1].content
    assert probe.stock(supply["id"]).available == 10


def test_a_free_order_is_never_cancelled(
    buyer: ApiUser, on_sale: Callable[..., Order], ordered: Callable[..., Order], probe: DatabaseProbe
) -> None:
    """It is paid as soon as it is confirmed, so that cancelling is 409 ORDER_PAID, and it keeps its stock."""
    order = ordered(buyer, on_sale(unit_price="0"))
    answer = cancel(buyer, order["id"])
    assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_PAID")
    assert probe.settled(order["id"]).status == "paid"


def test_a_paid_or_claimed_order_is_not_cancelled(
    buyer: ApiUser, on_sale: Callable[..., Order], paid_order: Callable[..., Order], probe: DatabaseProbe
) -> None:
    """From the payment on the answer is 409 ORDER_PAID, and nothing changes."""
    order = paid_order(buyer, on_sale())
    for status in ("paid", "claimed"):
        buyer.wait_for(f"/v1/orders/{order['id']}", "status", status)
        answer = cancel(buyer, order["id"])
        assert (answer.status_code, answer.json()["code"]) == (409, "ORDER_PAID")
        assert probe.settled(order["id"]).status == status
        if status == "paid":
            buyer.post("/v1/claims", {"order_id": order["id"]})


def test_an_order_that_came_to_nothing_says_why(
    buyer: ApiUser, on_sale: Callable[..., Order], stuck: Callable[..., str], probe: DatabaseProbe, triggers: Triggers
) -> None:
    """Cancelling a failed or an expired order is 409 with the code that its request was answered with."""
    body = body_of(buyer, (on_sale(quantity=1), 2))
    failed = buyer.request("POST", "/v1/orders", body, key="sold-out-" + ids.new("ord", "us")).json()
    expired = stuck(buyer, on_sale(), by=HOUR_AGO)
    triggers.start("expire_orders")
    for order_id, code in ((failed["order_id"], "SOLD_OUT"), (expired, "ORDER_EXPIRED")):
        answer = cancel(buyer, order_id)
        assert (answer.status_code, answer.json()["code"], answer.json()["order_id"]) == (409, code, order_id)


def test_only_the_buyer_cancels(
    buyer: ApiUser,
    merchant: ApiUser,
    operator: ApiUser,
    anyone: Callable[[], ApiUser],
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    unpublished: None,
) -> None:
    """To strangers the order does not exist; nor may its merchant cancel it. An operator may."""
    order = ordered(buyer, on_sale())
    for person in (anyone(), merchant):
        answer = cancel(person, order["id"])
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert buyer.get(f"/v1/orders/{order['id']}")["status"] == "confirmed"
    assert cancel(operator, order["id"]).json()["status"] == "cancelled"


@pytest.mark.parametrize("order_id", [sample_id("ord"), sample_id("sup"), "ord_us_", "nonsense", "%00", "é"])
def test_an_unknown_order_is_not_found(merchant: ApiUser, order_id: str) -> None:
    """Absent and malformed ids are 404 alike."""
    answer = cancel(merchant, order_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("status", ["pending", "confirmed"])
def test_an_interrupted_cancellation_is_finished(
    status: str,
    buyer: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    attempt: Callable[..., Attempt],
    probe: DatabaseProbe,
    stuck: Callable[..., str],
    unpublished: None,
) -> None:
    """Once the hold is released the order is cancelled by that alone, without the request and without a sweeper."""
    supply = on_sale()
    order_id = stuck(buyer, supply) if status == "pending" else ordered(buyer, supply)["id"]
    assert probe.account(order_id).status == status
    work = SteppedWork(Work(attempt(buyer, supply).resources, "order"), Steps(Disturbance(1, "after", crash)))
    with pytest.raises(Crash):
        cancel_order(CancelOrder(order_id=order_id), Caller(buyer.user_id, "ses_us_test", frozenset()), work)
    assert probe.account(order_id).hold == "released"
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "cancelled")
    assert probe.event_types(order_id)[-1] == "order.cancelled"
    assert cancel(buyer, order_id).status_code == 200


def race(buyer: ApiUser, order_id: str, probe: DatabaseProbe, triggers: Triggers) -> str:
    """Cancel an order while its hold is captured; the buyer's response."""
    (confirmed,), start = probe.delivered("capture_hold", order_id), Barrier(2)

    def capture() -> None:
        start.wait(10)
        time.sleep(random.uniform(0, 0.01))
        triggers.received("capture_hold", confirmed)

    with ThreadPoolExecutor(1) as pool:
        capturing = pool.submit(capture)
        start.wait(10)
        answer = cancel(buyer, order_id)
        capturing.result()
    return "cancelled" if answer.status_code == 200 else str(answer.json()["code"])


def all_races(
    times: int,
    buyer: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    probe: DatabaseProbe,
    triggers: Triggers,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """Race so many times, and compare the responses, the orders, and money and stock in the end."""
    supply, (funds, _) = on_sale(quantity=1000), probe.money(buyer.wallet_id)
    with pause_order_relay():
        orders = [ordered(buyer, supply)["id"] for _ in range(times)]
        answers = {order_id: race(buyer, order_id, probe, triggers) for order_id in orders}
    ends = {order_id: account.status for order_id, account in probe.all_settled(orders).items()}
    assert ends == {order_id: {"ORDER_PAID": "paid"}.get(answer, answer) for order_id, answer in answers.items()}
    paid = list(ends.values()).count("paid")
    assert probe.money(buyer.wallet_id) == (funds - 1000 * paid, 0)
    assert probe.stock(supply["id"]) == Stock(quantity=1000, available=1000 - paid, reserved=0, sold=paid)


def test_cancelling_against_the_capture(
    buyer: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    probe: DatabaseProbe,
    triggers: Triggers,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """20 times: the order ends paid with its escrow, or cancelled with all released, as the response says."""
    all_races(20, buyer, on_sale, ordered, probe, triggers, pause_order_relay)


@pytest.mark.long
def test_cancelling_against_the_capture_many_times(
    buyer: ApiUser,
    on_sale: Callable[..., Order],
    ordered: Callable[..., Order],
    probe: DatabaseProbe,
    triggers: Triggers,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """The same 100 times."""
    all_races(100, buyer, on_sale, ordered, probe, triggers, pause_order_relay)
