"""Listing the events of an order."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.samples import sample_id

OnSale = Callable[..., dict[str, Any]]


@pytest.fixture
def claimed(buyer: ApiUser, on_sale: OnSale, paid_order: Callable[..., dict[str, Any]]) -> str:
    """The path of the events of a claimed order."""
    order_id = paid_order(buyer, on_sale())["id"]
    buyer.post("/v1/claims", {"order_id": order_id})
    buyer.wait_for(f"/v1/orders/{order_id}", "status", "claimed")
    return f"/v1/orders/{order_id}/events"


STORY = ["order.placed", "order.confirmed", "order.paid", "order.claimed"]


def test_events_are_listed_from_the_first(
    claimed: str, buyer: ApiUser, merchant: ApiUser, operator: ApiUser, anyone: Callable[[], ApiUser]
) -> None:
    """Oldest first with versions, data and times, to whom the order is shown; to others it does not exist."""
    page = buyer.get(claimed)
    assert page["next_cursor"] is None
    assert [event["type"] for event in page["items"]] == STORY
    assert [event["version"] for event in page["items"]] == [1, 2, 3, 4]
    assert [event["at"] for event in page["items"]] == sorted(event["at"] for event in page["items"])
    assert all(set(event) == {"version", "type", "data", "at"} for event in page["items"])
    assert {event["data"]["order_id"] for event in page["items"]} == {claimed.split("/")[3]}
    assert page["items"][0]["data"]["total"] == "1000"
    assert merchant.get(claimed) == operator.get(claimed) == page
    assert anyone().request("GET", claimed).status_code == 404


def test_events_are_listed_page_by_page(claimed: str, buyer: ApiUser) -> None:
    """Cursors lead through every event once."""
    seen, cursor = [], ""
    for _ in range(4):
        page = buyer.get(f"{claimed}?limit=1{cursor}")
        seen += [event["type"] for event in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == STORY
    assert page["next_cursor"] is None
    two = buyer.get(f"{claimed}?limit=2")
    rest = buyer.get(f"{claimed}?limit=100&cursor={two['next_cursor']}")
    assert [event["type"] for event in two["items"] + rest["items"]] == STORY


UNFIT = [
    *(("cursor", f"cursor={cursor}") for cursor in ("-1", "x", "", str(2**63 - 1), "9" * 40, "%00", "1.5")),
    *(("limit", f"limit={limit}") for limit in ("0", "101", "x")),
    ("since", "since=1"),
]


def test_a_query_that_does_not_fit_is_malformed(merchant: ApiUser, subtests: pytest.Subtests) -> None:
    """Values out of range and unknown parameters are 400, before it is looked whether the order exists."""
    for field, query in UNFIT:
        with subtests.test(query=query):
            answer = merchant.request("GET", f"/v1/orders/{ids.new('ord', 'us')}/events?{query}")
            assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_FAILED")
            assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("order_id", [sample_id("ord"), sample_id("sup"), "nonsense", "%00", "é"])
def test_an_unknown_order_is_not_found(merchant: ApiUser, order_id: str) -> None:
    """Absent and malformed ids are 404 alike."""
    answer = merchant.request("GET", f"/v1/orders/{order_id}/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
