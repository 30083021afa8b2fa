"""Order.Decide: what the owners of overdue reservations and holds are told, and the race that it decides."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Barrier
from typing import Any

import pytest

from emulators.buyer import Person, fresh_key
from functions.order.domain.errors import OrderRefused
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.errors import Forbidden
from tests.books import Books, Stock
from tests.conftest import FUNDS
from tests.functions.order.conftest import HOUR_AGO, Attempt, body_of
from tests.functions.order.steps import Disturbance, Steps

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
