"""Listing supplies."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from tests.problems import refused


class Shop:
    """A merchant of the test's own, and what a viewer sees of their supplies."""

    def __init__(self, merchant: ApiUser, viewer: ApiUser) -> None:
        self.merchant = merchant
        self.viewer = viewer

    def sell(self, **terms: Any) -> str:
        body = {"title": "A thing", "currency": "USDC", "unit_price": "1", "quantity": 5, "status": "active", **terms}
        return str(self.merchant.post("/v1/supplies", body, key=fresh_key())["id"])

    def page(self, query: str = "", viewer: ApiUser | None = None) -> tuple[list[str], str | None]:
        """The ids on a page of this merchant's supplies, and the cursor of the next."""
        path = f"/v1/supplies?merchant_id={self.merchant.user_id}{query}"
        answer = (viewer or self.viewer).get(path)
        return [supply["id"] for supply in answer["items"]], answer["next_cursor"]


@pytest.fixture
def shop(anyone: Callable[[], ApiUser]) -> Shop:
    return Shop(anyone(), anyone())


def test_a_list_shows_supplies_as_they_are(shop: Shop) -> None:
    """Each item is what get_supply shows."""
    supply_id = shop.sell()
    answer = shop.viewer.get(f"/v1/supplies?merchant_id={shop.merchant.user_id}")
    assert answer == {"items": [shop.viewer.get(f"/v1/supplies/{supply_id}")], "next_cursor": None}


def test_drafts_are_listed_to_their_merchant_alone(shop: Shop) -> None:
    """With and without the filter, and in pages too."""
    active, draft = shop.sell(), shop.sell(status="draft")
    assert shop.page() == ([active], None)
    assert shop.page("&status=draft") == ([], None)
    assert shop.page(viewer=shop.merchant) == ([draft, active], None)
    assert shop.page("&status=draft", viewer=shop.merchant) == ([draft], None)


def test_who_is_not_signed_in_sees_what_is_on_sale(shop: Shop, edge: httpx.Client) -> None:
    """The same as any other user, for anybody to keep; what a user is shown is theirs alone."""
    shop.sell(status="draft")
    active = shop.sell()
    path = f"/v1/supplies?merchant_id={shop.merchant.user_id}"
    shown, own = edge.get(path), shop.merchant.request("GET", path)
    assert shown.json() == shop.viewer.get(path)
    assert [supply["id"] for supply in shown.json()["items"]] == [active]
    assert own.json()["items"][0]["id"] == active
    assert len(own.json()["items"]) == 2
    assert shown.headers["Cache-Control"] == "public, max-age=5"
    assert own.headers["Cache-Control"] == "private, no-cache"
    refused(edge.get(path, headers={"Authorization": "Bearer x"}), 401, "UNAUTHENTICATED")


def test_filters_narrow_the_list(shop: Shop, paid_order: Callable[..., Any], buyer: ApiUser) -> None:
    """By status, currency and merchant, and by all of them together."""
    usdc, eth, last = shop.sell(), shop.sell(currency="ETH"), shop.sell(quantity=1)
    paid_order(buyer, {"id": last})
    assert shop.page()[0] == [last, eth, usdc]
    assert shop.page("&currency=ETH")[0] == [eth]
    assert shop.page("&currency=MATIC")[0] == []
    assert shop.page("&status=active")[0] == [eth, usdc]
    assert shop.page("&status=sold_out")[0] == [last]
    assert shop.page("&status=sold_out&currency=ETH")[0] == []
    assert shop.page("&status=active&currency=USDC")[0] == [usdc]
    everyone = shop.viewer.get("/v1/supplies?limit=100&status=active")["items"]
    assert {usdc, eth} <= {supply["id"] for supply in everyone}
    assert {supply["status"] for supply in everyone} == {"active"}
    assert shop.viewer.get(f"/v1/supplies?merchant_id={ids.new('usr', 'us')}")["items"] == []


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_pages_are_newest_first_and_stable_while_supplies_are_added(shop: Shop, limit: int) -> None:
    """What was there when the walk began is shown once, newest first, under the same filter."""
    there = [shop.sell() for _ in range(5)]
    shop.sell(currency="ETH")
    seen, cursor = shop.page(f"&limit={limit}&currency=USDC")
    while cursor:
        shop.sell()
        more, cursor = shop.page(f"&limit={limit}&currency=USDC&cursor={cursor}")
        assert 0 < len(more) <= limit
        seen += more
    assert seen == there[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=d2FsX3VzXzAx", "cursor"),
        ("status=gone", "status"),
        ("status=", "status"),
        ("status=active&status=draft", "status"),
        ("title=x", "title"),
    ],
)
def test_malformed_queries_are_refused(buyer: ApiUser, query: str, field: str) -> None:
    """What does not fit, is repeated, or is not known at all, is named."""
    refused(buyer.request("GET", f"/v1/supplies?{query}"), 400, "VALIDATION_FAILED", field)


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """supply:read."""
    guarded("list_supplies", "/v1/supplies")
