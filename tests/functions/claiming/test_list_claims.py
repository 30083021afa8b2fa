"""Listing claims."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from functions.claiming.list_claims import ListClaims
from functions.claiming.views import ClaimView
from shared.contracts.operations import Page
from tests.functions.claiming.conftest import Bought
from tests.isolated_services import IsolatedServices, IsolatedUser
from tests.problems import refused

Buy = Callable[..., Bought]


def page(isolated: IsolatedServices, somebody: IsolatedUser, limit: int, cursor: str | None = None) -> Page[ClaimView]:
    request = ListClaims(limit=limit, cursor=cursor)
    found: Page[ClaimView] = isolated.run("list_claims", request=request, caller=somebody.caller)
    return found


def test_a_list_shows_claims_as_they_are(
    buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]]
) -> None:
    """Each item is what get_claim shows; the filter finds it by its status alone."""
    assert buyer.get("/v1/claims") == {"items": [], "next_cursor": None}
    claim = buyer.post("/v1/claims", {"order_id": paid_order(buyer, on_sale())["id"]})
    assert buyer.get("/v1/claims") == {"items": [claim], "next_cursor": None}
    assert buyer.get("/v1/claims?status=claimed")["items"] == [claim]
    for status in ("processing", "processed", "failed"):
        assert buyer.get(f"/v1/claims?status={status}")["items"] == []


def test_open_claims_and_those_of_others_are_not_listed(isolated: IsolatedServices, buy: Buy) -> None:
    """Only what has a voucher, and only to its owner."""
    somebody = isolated.new_user(USDC=100_000)
    opened, claimed, other = buy(by=somebody), buy(by=somebody), buy()
    isolated.deliver("open_claim", opened.order.id)
    other.claim()
    claim, _ = claimed.claim()
    assert [shown.id for shown in page(isolated, somebody, 10).items] == [claim.id]
    opened.claim()
    assert len(page(isolated, somebody, 10).items) == 2


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
def test_pages_are_newest_first_and_stable_while_claims_are_added(
    isolated: IsolatedServices, buy: Buy, limit: int
) -> None:
    """What was there when the walk began is shown once, newest first; what comes meanwhile does not push it."""
    somebody = isolated.new_user(USDC=100_000)
    there = [buy(by=somebody).claim()[0].id for _ in range(4)]
    shown = page(isolated, somebody, limit)
    seen = [claim.id for claim in shown.items]
    while shown.next_cursor:
        buy(by=somebody).claim()
        shown = page(isolated, somebody, limit, shown.next_cursor)
        assert 0 < len(shown.items) <= limit
        seen += [claim.id for claim in shown.items]
    assert seen == there[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=nonsense", "cursor"),
        ("status=open", "status"),
        ("status=voided", "status"),
        ("order_id=x", "order_id"),
    ],
)
def test_malformed_queries_are_refused(buyer: ApiUser, query: str, field: str) -> None:
    """What does not fit, is not shown to anybody, or is not known at all, is named."""
    refused(buyer.request("GET", f"/v1/claims?{query}"), 400, "VALIDATION_FAILED", field)


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """claim:read."""
    guarded("list_claims", "/v1/claims")
