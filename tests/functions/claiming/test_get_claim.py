"""Showing a claim."""

from collections.abc import Callable
from typing import Any

from emulators.demo.api_user import ApiUser
from shared import ids
from tests.database_probe import DatabaseProbe
from tests.problems import absent, refused
from tests.triggers import Triggers

Sell = Callable[..., dict[str, Any]]
Pay = Callable[..., dict[str, Any]]


def claimed(buyer: ApiUser, on_sale: Sell, paid_order: Pay) -> dict[str, Any]:
    claim: dict[str, Any] = buyer.post("/v1/claims", {"order_id": paid_order(buyer, on_sale())["id"]})
    return claim


def test_a_claim_is_shown_to_its_owner(buyer: ApiUser, on_sale: Sell, paid_order: Pay) -> None:
    """With the same bytes of the voucher that it was answered with."""
    claim = claimed(buyer, on_sale, paid_order)
    assert buyer.get(f"/v1/claims/{claim['id']}") == claim


def test_anothers_claim_is_not_there(buyer: ApiUser, merchant: ApiUser, on_sale: Sell, paid_order: Pay) -> None:
    """A foreign, an unknown and a malformed id are answered alike, to the order's merchant too."""
    claim = claimed(buyer, on_sale, paid_order)
    wanted = [claim["id"], ids.new("clm", "us"), "nonsense", "%00", claim["order_id"]]
    absent(*(merchant.request("GET", f"/v1/claims/{claim_id}") for claim_id in wanted))


def test_an_open_claim_is_not_shown(
    buyer: ApiUser, on_sale: Sell, paid_order: Pay, probe: DatabaseProbe, triggers: Triggers
) -> None:
    """Its owner is answered as if there were none until there is a voucher."""
    order_id = paid_order(buyer, on_sale())["id"]
    for event in probe.delivered("open_claim", order_id):
        triggers.received("open_claim", event)
    claim_id = ids.sibling(order_id, "clm")
    (row,) = probe.rows("claiming", "SELECT status FROM claims WHERE id = :id", id=claim_id)
    assert row["status"] == "open"
    absent(*(buyer.request("GET", f"/v1/claims/{each}") for each in (claim_id, ids.new("clm", "us"))))


def test_that_there_is_no_claim_yet_is_no_answer_later(buyer: ApiUser, on_sale: Sell, paid_order: Pay) -> None:
    """A user who requested a claim before it existed sees it as soon as it does."""
    order = paid_order(buyer, on_sale())
    path = f"/v1/claims/{ids.sibling(order['id'], 'clm')}"
    for _ in range(3):
        absent(buyer.request("GET", path), buyer.request("GET", f"/v1/claims/{ids.new('clm', 'us')}"))
    claim = buyer.post("/v1/claims", {"order_id": order["id"]})
    assert buyer.get(path) == claim


def test_query_parameters_are_refused(buyer: ApiUser) -> None:
    """It takes none."""
    refused(buyer.request("GET", f"/v1/claims/{ids.new('clm', 'us')}?x=1"), 400, "VALIDATION_FAILED", "x")


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None]) -> None:
    """claim:read."""
    guarded("get_claim", f"/v1/claims/{ids.new('clm', 'us')}")
