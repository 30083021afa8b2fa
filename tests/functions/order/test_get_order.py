"""Showing an order."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from tests.functions.order.conftest import body_of
from tests.samples import sample_id

OnSale = Callable[..., dict[str, Any]]


def test_an_order_is_shown_to_whom_it_concerns(
    buyer: ApiUser,
    merchant: ApiUser,
    operator: ApiUser,
    anyone: Callable[[], ApiUser],
    on_sale: OnSale,
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """Its buyer, its merchant and an operator see the same; to others it does not exist."""
    order = paid_order(buyer, on_sale())
    for person in (buyer, merchant, operator):
        assert person.get(f"/v1/orders/{order['id']}") == order
    answer = anyone().request("GET", f"/v1/orders/{order['id']}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_it_is_never_older_than_what_its_buyer_has_seen(buyer: ApiUser, on_sale: OnSale) -> None:
    """However often it was read before, a change that was answered shows at once."""
    placed = buyer.post("/v1/orders", body_of(buyer, (on_sale(), 1)), key=fresh_key())
    path = f"/v1/orders/{placed['id']}"
    assert {buyer.get(path)["id"] for _ in range(3)} == {placed["id"]}
    answer = buyer.request("POST", f"{path}/cancel", key=fresh_key())
    seen = answer.json() if answer.status_code == 200 else buyer.get(path)  # it may be paid by now
    for _ in range(3):
        assert buyer.get(path)["version"] >= seen["version"]


def test_a_cached_copy_is_shown_to_its_people_only(
    buyer: ApiUser, anyone: Callable[[], ApiUser], on_sale: OnSale
) -> None:
    """An order that was just read by its buyer is absent for others, and its tag counts for its buyer alone."""
    placed = buyer.post("/v1/orders", body_of(buyer, (on_sale(), 1)), key=fresh_key())
    path, stranger = f"/v1/orders/{placed['id']}", anyone()
    shown = buyer.request("GET", path)
    for _ in range(2):
        foreign = stranger.request("GET", path, more={"If-None-Match": shown.headers["ETag"]})
        unknown = stranger.request("GET", f"/v1/orders/{ids.new('ord', 'us')}")
        assert (foreign.status_code, foreign.json()["code"]) == (404, "NOT_FOUND")
        assert {**foreign.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
        assert "ETag" not in foreign.headers


def test_it_follows_the_purchase(buyer: ApiUser, on_sale: OnSale, paid_order: Callable[..., dict[str, Any]]) -> None:
    """Status, version and time of change go on with the order; the rest stays as it was placed."""
    paid = paid_order(buyer, on_sale())
    buyer.post("/v1/claims", {"order_id": paid["id"]})
    claimed = buyer.wait_for(f"/v1/orders/{paid['id']}", "status", "claimed")
    changing = ("status", "version", "updated_at")
    assert {**claimed, **{name: paid[name] for name in changing}} == paid
    assert claimed["version"] == paid["version"] + 1
    assert claimed["updated_at"] > paid["updated_at"]


def test_a_failed_order_says_why(buyer: ApiUser, on_sale: OnSale) -> None:
    """Only a failed order has a failure, with the code and detail of the refusal."""
    refused = buyer.request("POST", "/v1/orders", body_of(buyer, (on_sale(quantity=1), 2)), fresh_key()).json()
    order = buyer.get(f"/v1/orders/{refused['order_id']}")
    assert (order["status"], order["failure"]) == ("failed", {"code": "SOLD_OUT", "detail": refused["detail"]})


@pytest.mark.parametrize("order_id", [sample_id("ord"), sample_id("clm"), "ORD_US_1", "nonsense", "%00", "é"])
def test_an_unknown_order_is_not_found(merchant: ApiUser, order_id: str) -> None:
    """Absent and malformed ids are 404 alike."""
    answer = merchant.request("GET", f"/v1/orders/{order_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
