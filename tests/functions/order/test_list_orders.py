"""Lists of orders: whose, which, and page by page."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from tests.functions.order.conftest import body_of

OnSale = Callable[..., dict[str, Any]]


def listed(person: ApiUser, **query: Any) -> list[str]:
    """The ids of one page."""
    return [order["id"] for order in page(person, **query)["items"]]


def page(person: ApiUser, **query: Any) -> dict[str, Any]:
    """One page of orders."""
    answer: dict[str, Any] = person.get("/v1/orders?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert set(answer) == {"items", "next_cursor"}
    return answer


def free(person: ApiUser, supply: dict[str, Any]) -> str:
    """Order something that costs nothing: the order's id."""
    return str(person.post("/v1/orders", body_of(person, (supply, 1)), fresh_key())["id"])


def test_a_buyer_sees_the_own_orders_newest_first(anyone: Callable[[], ApiUser], on_sale: OnSale) -> None:
    """Nobody else's; each as it is shown by itself; an empty list for who has bought nothing."""
    supply, one, other = on_sale(unit_price="0"), anyone(), anyone()
    mine = [free(one, supply) for _ in range(3)]
    theirs = free(other, supply)
    assert listed(one) == mine[::-1]
    assert listed(other) == [theirs]
    assert page(anyone()) == {"items": [], "next_cursor": None}
    assert page(one)["items"][0] == one.get(f"/v1/orders/{mine[-1]}")


def test_a_merchant_sees_the_orders_of_the_own_supplies(anyone: Callable[[], ApiUser]) -> None:
    """`merchant=me` lists what others have ordered here, and not what the merchant has bought elsewhere."""
    seller, other, buyer = anyone(), anyone(), anyone()
    terms = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": 9, "status": "active"}
    own, elsewhere = (person.post("/v1/supplies", terms, fresh_key()) for person in (seller, other))
    sold = [free(buyer, own), free(other, own)]
    bought = free(seller, elsewhere)
    assert listed(seller, merchant="me") == sold[::-1]
    assert listed(seller) == [bought]
    assert listed(buyer, merchant="me") == []


def test_the_status_chooses(buyer: ApiUser, on_sale: OnSale, paid_order: Callable[..., dict[str, Any]]) -> None:
    """Each status lists the orders that have it now, for buyers and merchants alike."""
    supply = on_sale(quantity=2)
    paid, claimed = paid_order(buyer, supply)["id"], paid_order(buyer, supply)["id"]
    buyer.post("/v1/claims", {"order_id": claimed})
    buyer.wait_for(f"/v1/orders/{claimed}", "status", "claimed")
    failed = buyer.request("POST", "/v1/orders", body_of(buyer, (supply, 1)), fresh_key()).json()["order_id"]
    expected = {"paid": [paid], "claimed": [claimed], "failed": [failed]}
    statuses = ("pending", "confirmed", "paid", "claimed", "completed", "failed", "cancelled", "expired", "refunded")
    assert {status: listed(buyer, status=status) for status in statuses if listed(buyer, status=status)} == expected
    assert listed(buyer, status="paid", merchant="me") == []


def test_pages_are_stable_while_orders_are_added(anyone: Callable[[], ApiUser], on_sale: OnSale) -> None:
    """Cursors lead through every order once, whatever is added meanwhile; the last page has none."""
    buyer, supply = anyone(), on_sale(unit_price="0", quantity=100)
    orders = [free(buyer, supply) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        shown = page(buyer, **query)
        seen += [order["id"] for order in shown["items"]]
        if shown["next_cursor"] is None:
            break
        free(buyer, supply)
        query["cursor"] = shown["next_cursor"]
    assert seen == orders[::-1]
    assert len(listed(buyer)) == 7
    assert len(listed(buyer, limit=100)) == 7
    exactly = page(buyer, limit=7)
    assert (len(exactly["items"]), exactly["next_cursor"]) == (7, None)


UNFIT = [
    *(("limit", f"limit={limit}") for limit in ("0", "101", "-1", "x", "", "1.5", "9" * 30)),
    *(("cursor", f"cursor={cursor}") for cursor in ("", "x", "%00", "é", "b3JkX3VzXzE=", "c3VwX3VzXzAx")),
    *(("status", f"status={status}") for status in ("", "Paid", "open", "paid,claimed")),
    *(("merchant", f"merchant={merchant}") for merchant in ("", "ME", "usr_us_1")),
    ("limit", "limit=1&limit=2"),
    ("user_id", "user_id=usr_us_1"),
]


def test_a_query_that_does_not_fit_is_malformed(merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """Values out of range, cursors of other lists, and parameters that are unknown or repeated are 400."""
    for field, query in UNFIT:
        with subtests.test(query=query):
            answer = merchant.request("GET", f"/v1/orders?{query}")
            assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
            assert answer.json()["errors"][0]["field"] == field
