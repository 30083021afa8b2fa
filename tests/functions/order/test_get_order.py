"""Showing an order."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.buyer import Person, fresh_key
from shared import ids
from tests.functions.order.conftest import body_of

OnSale = Callable[..., dict[str, Any]]


def test_an_order_is_shown_to_whom_it_concerns(
    buyer: Person,
    merchant: Person,
    operator: Person,
    anyone: Callable[[], Person],
    on_sale: OnSale,
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """Its buyer, its merchant and an operator see the same; to others it does not exist."""
    order = paid_order(buyer, on_sale())
    for person in (buyer, merchant, operator):
        assert person.get(f"/v1/orders/{order['id']}") == order
    answer = anyone().request("GET", f"/v1/orders/{order['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_it_follows_the_purchase(buyer: Person, on_sale: OnSale, paid_order: Callable[..., dict[str, Any]]) -> None:
    """Status, version and time of change go on with the order; the rest stays as it was placed."""
    paid = paid_order(buyer, on_sale())
    buyer.post("/v1/claims", {"order_id": paid["id"]})
    claimed = buyer.wait_for(f"/v1/orders/{paid['id']}", "status", "claimed")
    changing = ("status", "version", "updated_at")
    assert {**claimed, **{name: paid[name] for name in changing}} == paid
    assert claimed["version"] == paid["version"] + 1
    assert claimed["updated_at"] > paid["updated_at"]


def test_a_failed_order_says_why(buyer: Person, on_sale: OnSale) -> None:
    """Only a failed order has a failure, with the code and detail of the refusal."""
    refused = buyer.request("POST", "/v1/orders", body_of(buyer, (on_sale(quantity=1), 2)), fresh_key()).json()
    order = buyer.get(f"/v1/orders/{refused['order_id']}")
    assert (order["status"], order["failure"]) == ("failed", {"code": "SOLD_OUT", "detail": refused["detail"]})


@pytest.mark.parametrize("order_id", [ids.new("ord", "us"), ids.new("clm", "us"), "ORD_US_1", "nonsense", "%00", "é"])
def test_an_unknown_order_is_not_found(merchant: Person, order_id: str) -> None:
    """Absent and malformed ids are 404 alike."""
    answer = merchant.request("GET", f"/v1/orders/{order_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
