"""Adding units to a supply."""

from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from tests.database_probe import DatabaseProbe
from tests.problems import absent, refused
from tests.races import all_at_once

OnSale = Callable[..., dict[str, Any]]


def path(supply: dict[str, Any]) -> str:
    return f"/v1/supplies/{supply['id']}/restock"


def test_more_units_are_for_sale(
    merchant: ApiUser, buyer: ApiUser, on_sale: OnSale, ordered: Callable[..., dict[str, Any]], probe: DatabaseProbe
) -> None:
    """What is sold out sells again; the supply keeps its version, as after a sale; with a supply.restocked event."""
    supply = on_sale(quantity=2)
    ordered(buyer, supply, 2)
    assert merchant.get(f"/v1/supplies/{supply['id']}")["status"] == "sold_out"
    more = merchant.post(path(supply), {"quantity": 3}, key=fresh_key())
    assert (more["quantity"], more["available"], more["status"]) == (5, 3, "active")
    assert more["reserved"] + more["sold"] == 2
    assert more["version"] == supply["version"]
    ordered(buyer, supply, 3)
    (event,) = [event for event in probe.stream("supply", supply["id"]) if event.type == "supply.restocked"]
    stock = event.data.pop("stock")
    assert (stock["quantity"], stock["available"], stock["reserved"] + stock["sold"]) == (5, 3, 2)
    reported = {"supply_id": supply["id"], "user_id": merchant.user_id, "added": 3, "quantity": 5}
    assert event.data == reported


def test_a_repeat_adds_nothing(merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Under one key, by one or by ten at once, the units come once; the same answer, ETag and all."""
    supply, key = on_sale(), fresh_key()
    first = merchant.request("POST", path(supply), {"quantity": 5}, key)
    assert first.status_code == 200
    again = merchant.request("POST", path(supply), {"quantity": 5}, key)
    assert (again.content, again.headers["ETag"]) == (first.content, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    other = fresh_key()
    answers = all_at_once([lambda: merchant.request("POST", path(supply), {"quantity": 1}, other)] * 10)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert probe.stock(supply["id"]).quantity == 16
    refused(merchant.request("POST", path(supply), {"quantity": 6}, key), 422, "IDEMPOTENCY_KEY_REUSED")


def test_restocks_at_once_all_count(merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """Each under its own key, concurrently with sales."""
    supply = on_sale()
    answers = all_at_once([lambda: merchant.request("POST", path(supply), {"quantity": 2}, fresh_key())] * 8)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert probe.stock(supply["id"]).quantity == 26
    types = [event.type for event in probe.stream("supply", supply["id"])]
    assert types == ["supply.created", *["supply.restocked"] * 8]


def test_there_is_a_most(merchant: ApiUser, on_sale: OnSale) -> None:
    """A thousand million units: one more is refused, and nothing is added."""
    supply = on_sale(quantity=10**9 - 1)
    refused(merchant.request("POST", path(supply), {"quantity": 2}, fresh_key()), 409, "QUANTITY_TOO_LARGE")
    assert merchant.post(path(supply), {"quantity": 1}, key=fresh_key())["quantity"] == 10**9


def test_an_archived_supply_is_not_restocked(merchant: ApiUser, on_sale: OnSale) -> None:
    """It is over."""
    supply = on_sale()
    merchant.request("DELETE", f"/v1/supplies/{supply['id']}")
    refused(merchant.request("POST", path(supply), {"quantity": 1}, fresh_key()), 409, "SUPPLY_ARCHIVED")


def test_only_its_merchant_may(buyer: ApiUser, on_sale: OnSale) -> None:
    """To everybody else it is not there."""
    wanted = [on_sale(), on_sale(status="draft"), {"id": ids.new("sup", "us")}, {"id": "nonsense"}]
    absent(*(buyer.request("POST", path(supply), {"quantity": 1}, fresh_key()) for supply in wanted))


@pytest.mark.parametrize("quantity", [0, -1, 10**9 + 1, 1.0, "1", True, None, 10**30])
def test_a_bad_quantity_is_named(merchant: ApiUser, on_sale: OnSale, quantity: Any) -> None:
    """1 to a thousand million."""
    answer = merchant.request("POST", path(on_sale()), {"quantity": quantity}, fresh_key())
    refused(answer, 400, "VALIDATION_FAILED", "quantity")


def test_a_key_is_needed(merchant: ApiUser, on_sale: OnSale) -> None:
    """Units that are added twice are units that are not there."""
    refused(merchant.request("POST", path(on_sale()), {"quantity": 1}), 400, "IDEMPOTENCY_KEY_REQUIRED")


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], on_sale: OnSale) -> None:
    """supply:write, which only merchants have."""
    guarded("restock_supply", path(on_sale()), {"quantity": 1})
