"""Concurrent demand beyond stock, limits or money."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import httpx

from emulators.demo.api_user import ApiUser, fresh_key
from tests.conftest import FUNDS
from tests.database_probe import DatabaseProbe, Stock
from tests.races import all_at_once

OnSale = Callable[..., dict[str, Any]]


def buy(person: ApiUser, supply: dict[str, Any], quantity: int = 1) -> httpx.Response:
    """Send an order, and return the response."""
    body = {"wallet_id": person.wallet_id, "items": [{"supply_id": supply["id"], "quantity": quantity}]}
    return person.request("POST", "/v1/orders", body, fresh_key())


def outcomes(answers: list[httpx.Response]) -> list[str]:
    """201 or the code of the refusal, in alphabetical order."""
    return sorted("201" if answer.status_code == 201 else answer.json()["code"] for answer in answers)


def order_ids(answers: list[httpx.Response]) -> list[str]:
    """The order ids of these responses, refused ones included."""
    return [answer.json().get("id") or answer.json()["order_id"] for answer in answers]


def fund(person: ApiUser, amount: int) -> ApiUser:
    """Fund a user's wallet."""
    body = {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(amount)}
    person.post("/v1/local/faucet", body)
    return person


def test_the_last_unit_goes_to_one_of_two(
    anyone: Callable[[], ApiUser], buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe, audit: Callable[[], list[str]]
) -> None:
    """Ten times, two concurrent buyers: one gets it, the other gets SOLD_OUT and has paid nothing."""
    buyers, supplies = [buyer, fund(anyone(), FUNDS)], [on_sale(quantity=1) for _ in range(10)]
    orders = []
    for supply in supplies:
        answers = all_at_once([partial(buy, person, supply) for person in buyers])
        assert outcomes(answers) == ["201", "SOLD_OUT"]
        orders += order_ids(answers)
    ends = [account.status for account in probe.all_settled(orders).values()]
    assert (ends.count("paid"), ends.count("failed")) == (10, 10)
    assert {probe.stock(supply["id"]) for supply in supplies} == {Stock(quantity=1, available=0, reserved=0, sold=1)}
    money = [probe.money(person.wallet_id) for person in buyers]
    assert (sum(posted for posted, _ in money), [held for _, held in money]) == (2 * FUNDS - 10 * 1000, [0, 0])
    assert audit() == []


def test_a_crowd_gets_as_many_as_there_are(
    anyone: Callable[[], ApiUser], on_sale: OnSale, probe: DatabaseProbe, audit: Callable[[], list[str]]
) -> None:
    """Eight buyers order three units each of ten: three of them get theirs, one unit is left."""
    buyers = [fund(anyone(), 3000) for _ in range(8)]
    supply = on_sale(quantity=10)
    answers = all_at_once([partial(buy, person, supply, 3) for person in buyers])
    assert outcomes(answers) == ["201"] * 3 + ["SOLD_OUT"] * 5
    probe.all_settled(order_ids(answers))
    assert probe.stock(supply["id"]) == Stock(quantity=10, available=1, reserved=0, sold=9)
    assert sorted(probe.money(person.wallet_id) for person in buyers) == [(0, 0)] * 3 + [(3000, 0)] * 5
    assert audit() == []


def test_what_was_given_back_is_for_sale_again(
    buyer: ApiUser,
    anyone: Callable[[], ApiUser],
    on_sale: OnSale,
    probe: DatabaseProbe,
    pause_order_relay: Callable[[], AbstractContextManager[None]],
) -> None:
    """The last unit is sold out while somebody has it; once that order is cancelled the next one gets it."""
    supply, other = on_sale(quantity=1), fund(anyone(), 1000)
    with pause_order_relay():
        first = buy(buyer, supply).json()["id"]
        assert outcomes([buy(other, supply)]) == ["SOLD_OUT"]
        assert buyer.get(f"/v1/supplies/{supply['id']}")["status"] == "sold_out"
        buyer.post(f"/v1/orders/{first}/cancel")
        assert buyer.get(f"/v1/supplies/{supply['id']}")["status"] == "active"
        second = buy(other, supply)
        assert second.status_code == 201
    probe.all_settled([first, second.json()["id"]])
    assert (probe.money(buyer.wallet_id), probe.money(other.wallet_id)) == ((FUNDS, 0), (0, 0))


def test_a_limit_holds_for_orders_at_once(buyer: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Four orders of one buyer at the same moment, two units allowed: two are confirmed, two are USER_LIMIT."""
    supply = on_sale(per_user_limit=2)
    answers = all_at_once([partial(buy, buyer, supply)] * 4)
    assert outcomes(answers) == ["201", "201", "USER_LIMIT", "USER_LIMIT"]
    probe.all_settled(order_ids(answers))
    assert probe.stock(supply["id"]).sold == 2
    assert probe.money(buyer.wallet_id) == (FUNDS - 2000, 0)


def test_money_is_spent_once_by_orders_at_once(
    anyone: Callable[[], ApiUser], on_sale: OnSale, probe: DatabaseProbe
) -> None:
    """Four orders at the same moment from a wallet that can pay two: two are confirmed, and it ends empty."""
    buyer, supplies = fund(anyone(), 2000), [on_sale() for _ in range(4)]
    answers = all_at_once([partial(buy, buyer, supply) for supply in supplies])
    assert outcomes(answers) == ["201", "201", "INSUFFICIENT_FUNDS", "INSUFFICIENT_FUNDS"]
    probe.all_settled(order_ids(answers))
    assert probe.money(buyer.wallet_id) == (0, 0)
    assert sorted(probe.stock(supply["id"]).available for supply in supplies) == [9, 9, 10, 10]
