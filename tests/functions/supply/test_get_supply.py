"""Showing a supply."""

from collections.abc import Callable
from typing import Any

import httpx

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.problems import absent, refused

Sell = Callable[..., dict[str, Any]]


def test_anyone_sees_a_supply(on_sale: Sell, buyer: ApiUser, merchant: ApiUser, edge: httpx.Client) -> None:
    """The buyer sees the same as the merchant, and so does who is not signed in."""
    supply = on_sale()
    path = f"/v1/supplies/{supply['id']}"
    assert buyer.get(path) == merchant.get(path) == edge.get(path).json() == supply


def test_only_what_anyone_sees_may_be_kept_by_others(on_sale: Sell, merchant: ApiUser, edge: httpx.Client) -> None:
    """For five seconds; with a token the answer is the caller's own, and a bad token is refused, not left out."""
    path = f"/v1/supplies/{on_sale()['id']}"
    shown = edge.get(path)
    again = edge.get(path, headers={"If-None-Match": shown.headers["ETag"]})
    assert [each.headers["Cache-Control"] for each in (shown, again)] == ["public, max-age=5"] * 2
    assert (shown.status_code, again.status_code) == (200, 304)
    own = merchant.request("GET", path)
    assert own.headers["Cache-Control"] == "private, no-cache"
    assert all("Authorization" in each.headers["Vary"] for each in (shown, again, own))
    for bad in ("", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz"):
        refused(edge.get(path, headers={"Authorization": bad}), 401, "UNAUTHENTICATED")
    refused(edge.get(f"{path}?limit=1"), 400, "VALIDATION_FAILED", "limit")


def test_a_draft_is_not_there_for_others(on_sale: Sell, buyer: ApiUser, merchant: ApiUser, edge: httpx.Client) -> None:
    """Anothers' draft, an unknown and a malformed id are answered alike; its merchant sees the draft."""
    draft = on_sale(status="draft")
    assert merchant.get(f"/v1/supplies/{draft['id']}") == draft
    wanted = [draft["id"], ids.new("sup", "us"), "nonsense", "%00", merchant.user_id]
    paths = [f"/v1/supplies/{supply_id}" for supply_id in wanted]
    absent(*(buyer.request("GET", path) for path in paths), *map(edge.get, paths))


def test_a_supply_is_sold_out_while_nothing_is_available(
    on_sale: Sell, buyer: ApiUser, paid_order: Callable[..., Any]
) -> None:
    """A sale of all of it shows at once, in the numbers and in the status."""
    supply = on_sale(quantity=2)
    path = f"/v1/supplies/{supply['id']}"
    paid_order(buyer, supply)
    partly = buyer.wait_for(path, "sold", 1)
    assert (partly["available"], partly["status"]) == (1, "active")
    paid_order(buyer, supply)
    assert (buyer.get(path)["available"], buyer.get(path)["status"]) == (0, "sold_out")
    gone = buyer.wait_for(path, "sold", 2)
    assert (gone["available"], gone["reserved"], gone["status"], gone["version"]) == (0, 0, "sold_out", 1)


def test_a_sale_shows_at_once_to_who_bought(on_sale: Sell, buyer: ApiUser, ordered: Callable[..., Any]) -> None:
    """However often it was read before: after an order its units are not available, and its ETag is another."""
    supply = on_sale(quantity=5)
    path = f"/v1/supplies/{supply['id']}"
    for left in (4, 3, 2):
        known = buyer.request("GET", path).headers["ETag"]
        ordered(buyer, supply)
        shown = buyer.request("GET", path, more={"If-None-Match": known})
        assert (shown.status_code, shown.json()["available"]) == (200, left)


def test_query_parameters_are_refused(on_sale: Sell, buyer: ApiUser) -> None:
    """It takes none."""
    response = buyer.request("GET", f"/v1/supplies/{on_sale()['id']}?fields=id")
    refused(response, 400, "VALIDATION_FAILED", "fields")


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], on_sale: Sell) -> None:
    """supply:read."""
    guarded("get_supply", f"/v1/supplies/{on_sale()['id']}")
