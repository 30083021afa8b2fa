"""Order.Decide: the decisions on overdue reservations and holds, and the race that it settles."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from functions.order.domain.errors import OrderRefused
from functions.order.domain.order import Order
from shared import ids
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.errors import Forbidden
from shared.jobs.failures import FIRST_PAUSE
from shared.rpc.channel import RpcChannel
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.functions.order.conftest import HOUR_AGO, Attempt, body_of
from tests.functions.order.steps import Disturbance, Steps
from tests.isolated_services import TTL, IsolatedServices

OnSale = Callable[..., dict[str, Any]]
Decide = Callable[[Sequence[str]], dict[str, str]]


@pytest.fixture
def decide(rpc: Callable[[str, str], RpcChannel]) -> Decide:
    """Asks the order service: the decision for each order, by id."""

    def ask(order_ids: Sequence[str]) -> dict[str, str]:
        request = DecideRequest(order_ids=order_ids)
        outcomes = rpc("order", "supply").call("Order.Decide", request, DecideResponse).outcomes
        return {o.order_id: DecideResponse.Decision.Name(o.decision).removeprefix("DECISION_") for o in outcomes}

    return ask


def test_every_order_has_its_decision(
    buyer: ApiUser,
    on_sale: OnSale,
    stuck: Callable[..., str],
    ordered: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    decide: Decide,
    probe: DatabaseProbe,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """Unknown, pending, confirmed or beyond, ended; a pending order past its expiry expires by the query."""
    supply = on_sale()
    paid, claimed = paid_order(buyer, supply)["id"], paid_order(buyer, supply)["id"]
    buyer.post("/v1/claims", {"order_id": claimed})
    buyer.wait_for(f"/v1/orders/{claimed}", "status", "claimed")
    failed = buyer.request("POST", "/v1/orders", body_of(buyer, (supply, 11)), fresh_key()).json()["order_id"]
    with pause_order_relay():
        cancelled, confirmed = ordered(buyer, supply)["id"], ordered(buyer, supply)["id"]
        buyer.post(f"/v1/orders/{cancelled}/cancel")
        in_time, overdue = stuck(buyer, supply), stuck(buyer, supply, by=HOUR_AGO)
        unknown = ids.new("ord", "us")
        expected = {
            **{unknown: "UNSPECIFIED", "nonsense": "UNSPECIFIED", in_time: "PENDING", overdue: "ENDED"},
            **{confirmed: "CONFIRMED", paid: "CONFIRMED", claimed: "CONFIRMED", failed: "ENDED", cancelled: "ENDED"},
        }
        assert decide(list(expected)) == expected
        assert decide(list(expected)) == expected
        assert probe.event_types(overdue) == ["order.placed", "order.expired"]
        assert probe.account(in_time).status == "pending"
        assert buyer.request("POST", f"/v1/orders/{in_time}/cancel").status_code == 200
    assert decide([]) == {}
    probe.all_settled([cancelled, overdue, confirmed, in_time])


def test_only_the_owners_may_ask(rpc: Callable[[str, str], RpcChannel]) -> None:
    """Supply and wallet; nobody else."""
    for caller in ("claiming", "identity", "order", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.Decide", DecideRequest(order_ids=[]), DecideResponse)
    rpc("order", "wallet").call("Order.Decide", DecideRequest(order_ids=[]), DecideResponse)


@pytest.mark.parametrize("times", [15, pytest.param(50, marks=pytest.mark.long)])
def test_the_outcome_against_expiry(
    times: int, buyer: ApiUser, on_sale: OnSale, attempt: Callable[..., Attempt], decide: Decide, probe: DatabaseProbe
) -> None:
    """Many times, T2 while the owner queries: one wins, both get the same answer, and stock and money agree with it."""
    supply = on_sale(quantity=100)

    def race(_: int) -> tuple[str, str]:
        start = Barrier(2)

        def wait() -> None:
            start.wait(10)
            time.sleep(random.uniform(0, 0.008))

        with ThreadPoolExecutor(1) as pool:
            request = attempt(buyer, supply, by=HOUR_AGO)
            buying = pool.submit(request.run, Steps(Disturbance("wallet.hold", "after", wait)))
            start.wait(10)
            order_id = probe.orders_of(buyer.user_id)[-1]
            decision = decide([order_id])[order_id]
            try:
                answer = buying.result().status
            except OrderRefused as refusal:
                answer = "expired" if refusal.code == "ORDER_EXPIRED" else "failed"
        assert (answer, decision) in (("confirmed", "CONFIRMED"), ("expired", "ENDED"))
        return order_id, answer

    answers = dict(race(number) for number in range(times))
    ends = {order_id: account.status for order_id, account in probe.all_settled(answers).items()}
    assert ends == {order_id: {"confirmed": "paid"}.get(answer, answer) for order_id, answer in answers.items()}
    paid = list(ends.values()).count("paid")
    assert probe.stock(supply["id"]) == Stock(quantity=100, available=100 - paid, reserved=0, sold=paid)
    assert probe.money(buyer.wallet_id) == (FUNDS - 1000 * paid, 0)


def spoil(isolated: IsolatedServices, order: Order, event_type: str) -> None:
    """Make the history of a placed order one that cannot be, or, with order.placed, what it was."""
    sql = "UPDATE events SET type = :kind WHERE stream = :id AND version = 1"
    isolated.tamper("order", sql, kind=event_type, id=order.id)


def test_an_order_that_cannot_be_decided_keeps_none_from_their_decision(isolated: IsolatedServices) -> None:
    """The first of three has a history that cannot be: it has no decision, until it is mended."""
    supply = isolated.sell(isolated.new_user())
    orders = sorted(
        (isolated.place(isolated.new_user(), (supply, 1), ttl=-TTL) for _ in range(3)), key=lambda each: each.id
    )
    spoil(isolated, orders[0], "order.paid")

    def ask() -> list[str]:
        request = DecideRequest(order_ids=[order.id for order in orders])
        outcomes = isolated.rpc("order", "supply").call("Order.Decide", request, DecideResponse).outcomes
        return [DecideResponse.Decision.Name(outcome.decision).removeprefix("DECISION_") for outcome in outcomes]

    assert ask() == ["UNSPECIFIED", "ENDED", "ENDED"]
    assert isolated.failing("order", "decide_orders") == [orders[0].id]
    spoil(isolated, orders[0], "order.placed")
    assert ask()[0] == "UNSPECIFIED"  # it backs off
    with isolated.later(FIRST_PAUSE):
        assert ask() == ["ENDED"] * 3
    assert isolated.failing("order", "decide_orders") == []


def stages(isolated: IsolatedServices, orders: Sequence[Order]) -> list[str]:
    """The stages of orders, in their order."""
    rows = isolated.probe.rows(
        "order", "SELECT id, stage FROM orders WHERE id = ANY(:ids::text[])", ids=[o.id for o in orders]
    )
    known = {row["id"]: row["stage"] for row in rows}
    return [known[order.id] for order in orders]


@pytest.mark.parametrize(
    ("job", "before", "after"),
    [
        ("advance_orders", "pending", "expired"),
        ("expire_orders", "pending", "expired"),
        ("mature_orders", "paid", "matured"),
    ],
)
def test_a_poisoned_first_order_does_not_block_others(
    isolated: IsolatedServices, job: str, before: str, after: str
) -> None:
    """Its history is invalid: the rest of a sweep continues, its failure is recorded; once repaired it continues."""
    supply, buyers = isolated.sell(isolated.new_user()), [isolated.new_user(USDC=1000) for _ in range(3)]
    if before == "paid":
        orders = [isolated.buy(buyer, (supply, 1)) for buyer in buyers]
        later = timedelta(seconds=isolated.settings.order_matures_after_seconds)
    else:
        orders = [isolated.place(buyer, (supply, 1), ttl=-TTL * (99 - n)) for n, buyer in enumerate(buyers)]
        later = timedelta()
    spoil(isolated, orders[0], "order.paid")
    with isolated.later(later + timedelta(minutes=1)):
        isolated.run(job)
        assert stages(isolated, orders) == [before, after, after]
        assert orders[0].id in isolated.failing("order", job)
    spoil(isolated, orders[0], "order.placed")
    with isolated.later(later + timedelta(minutes=2)):
        isolated.run(job)
    assert stages(isolated, orders) == [after] * 3
    assert orders[0].id not in isolated.failing("order", job)


def test_turns_are_fair_between_buyers(isolated: IsolatedServices) -> None:
    """Who has many overdue orders does not come before everybody else with all of them."""
    while any(isolated.run("expire_orders").values()):
        continue
    supply, many, few = isolated.sell(isolated.new_user()), isolated.new_user(), isolated.new_user()
    orders = [isolated.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(isolated.place(few, (supply, 1), ttl=-TTL))
    with isolated.orders.transaction() as work:
        assert work.orders.take("expire_orders", 2) == [orders[0].id, orders[4].id]
    isolated.run("expire_orders")
