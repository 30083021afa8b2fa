"""Order.Decide: what the owners of overdue reservations and holds are told, and the race that it decides."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from emulators.buyer import Person, fresh_key
from functions.order.domain.errors import OrderRefused
from functions.order.domain.order import Order
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.errors import Forbidden
from shared.jobs.failures import FIRST_PAUSE
from tests.books import Books, Stock
from tests.conftest import FUNDS
from tests.functions.order.conftest import HOUR_AGO, Attempt, body_of
from tests.functions.order.steps import Disturbance, Steps
from tests.island import TTL, Island

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
    buyer: Person,
    on_sale: OnSale,
    stuck: Callable[..., str],
    ordered: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    decide: Decide,
    books: Books,
    silence: Callable[[], AbstractContextManager[None]],
) -> None:
    """Unknown, pending, confirmed or beyond, ended; one that is past its time expires by being asked about."""
    supply = on_sale()
    paid, claimed = paid_order(buyer, supply)["id"], paid_order(buyer, supply)["id"]
    buyer.post("/v1/claims", {"order_id": claimed})
    buyer.wait_for(f"/v1/orders/{claimed}", "status", "claimed")
    failed = buyer.request("POST", "/v1/orders", body_of(buyer, (supply, 11)), fresh_key()).json()["order_id"]
    with silence():
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
        assert books.story(overdue) == ["order.placed", "order.expired"]
        assert books.account(in_time).status == "pending"
        assert buyer.request("POST", f"/v1/orders/{in_time}/cancel").status_code == 200
    assert decide([]) == {}
    books.all_settled([cancelled, overdue, confirmed, in_time])


def test_only_the_owners_may_ask(rpc: Callable[[str, str], RpcChannel]) -> None:
    """Supply and wallet; nobody else."""
    for caller in ("claiming", "identity", "order", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Order.Decide", DecideRequest(order_ids=[]), DecideResponse)
    rpc("order", "wallet").call("Order.Decide", DecideRequest(order_ids=[]), DecideResponse)


def test_the_outcome_against_expiry(
    buyer: Person, on_sale: OnSale, attempt: Callable[..., Attempt], decide: Decide, books: Books
) -> None:
    """50 times, T2 while the owner asks: one of them wins, both are told so, and stock and money agree with it."""
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
            order_id = books.orders_of(buyer.user_id)[-1]
            decision = decide([order_id])[order_id]
            try:
                answer = buying.result().status
            except OrderRefused as refusal:
                answer = "expired" if refusal.code == "ORDER_EXPIRED" else "failed"
        assert (answer, decision) in (("confirmed", "CONFIRMED"), ("expired", "ENDED"))
        return order_id, answer

    answers = dict(race(number) for number in range(50))
    ends = {order_id: account.status for order_id, account in books.all_settled(answers).items()}
    assert ends == {order_id: {"confirmed": "paid"}.get(answer, answer) for order_id, answer in answers.items()}
    paid = list(ends.values()).count("paid")
    assert books.stock(supply["id"]) == Stock(quantity=100, available=100 - paid, reserved=0, sold=paid)
    assert books.money(buyer.wallet_id) == (FUNDS - 1000 * paid, 0)


def spoil(island: Island, order: Order, event_type: str) -> None:
    """Make the history of a placed order one that cannot be, or, with order.placed, what it was."""
    sql = "UPDATE events SET type = :kind WHERE stream = :id AND version = 1"
    island.tamper("order", sql, kind=event_type, id=order.id)


def test_an_order_that_cannot_be_decided_keeps_none_from_their_decision(island: Island) -> None:
    """The first of three has a history that cannot be: it has no decision, until it is mended."""
    supply = island.sell(island.islander())
    orders = sorted(
        (island.place(island.islander(), (supply, 1), ttl=-TTL) for _ in range(3)), key=lambda each: each.id
    )
    spoil(island, orders[0], "order.paid")

    def ask() -> list[str]:
        request = DecideRequest(order_ids=[order.id for order in orders])
        outcomes = island.rpc("order", "supply").call("Order.Decide", request, DecideResponse).outcomes
        return [DecideResponse.Decision.Name(outcome.decision).removeprefix("DECISION_") for outcome in outcomes]

    assert ask() == ["UNSPECIFIED", "ENDED", "ENDED"]
    assert island.failing("order", "decide_orders") == [orders[0].id]
    spoil(island, orders[0], "order.placed")
    assert ask()[0] == "UNSPECIFIED"  # it backs off
    with island.later(FIRST_PAUSE):
        assert ask() == ["ENDED"] * 3
    assert island.failing("order", "decide_orders") == []


def stages(island: Island, orders: Sequence[Order]) -> list[str]:
    """The stages of orders, in their order."""
    rows = island.books.rows(
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
def test_a_poisoned_first_order_holds_up_nobody(island: Island, job: str, before: str, after: str) -> None:
    """Its history cannot be: the others of a sweep go on, and it is recorded, and goes on once it is mended."""
    supply, buyers = island.sell(island.islander()), [island.islander(USDC=1000) for _ in range(3)]
    if before == "paid":
        orders = [island.buy(buyer, (supply, 1)) for buyer in buyers]
        later = timedelta(seconds=island.settings.order_matures_after_seconds)
    else:
        orders = [island.place(buyer, (supply, 1), ttl=-TTL * (99 - n)) for n, buyer in enumerate(buyers)]
        later = timedelta()
    spoil(island, orders[0], "order.paid")
    with island.later(later + timedelta(minutes=1)):
        island.run(job)
        assert stages(island, orders) == [before, after, after]
        assert orders[0].id in island.failing("order", job)
    spoil(island, orders[0], "order.placed")
    with island.later(later + timedelta(minutes=2)):
        island.run(job)
    assert stages(island, orders) == [after] * 3
    assert orders[0].id not in island.failing("order", job)


def test_turns_are_fair_between_buyers(island: Island) -> None:
    """Who has many overdue orders does not come before everybody else with all of them."""
    while any(island.run("expire_orders").values()):
        continue
    supply, many, few = island.sell(island.islander()), island.islander(), island.islander()
    orders = [island.place(many, (supply, 1), ttl=-TTL * 9) for _ in range(4)]
    orders.append(island.place(few, (supply, 1), ttl=-TTL))
    with island.orders.transaction() as work:
        assert work.orders.take("expire_orders", 2) == [orders[0].id, orders[4].id]
    island.run("expire_orders")
