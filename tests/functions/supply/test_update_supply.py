"""Changing a supply's terms."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared import ids
from shared.money import MAXIMUM
from tests.database_probe import DatabaseProbe
from tests.problems import absent, refused
from tests.races import all_at_once

OnSale = Callable[..., dict[str, Any]]
PHASE = {"name": "Now", "starts_at": "2026-01-01T00:00:00Z"}


def path(supply: dict[str, Any]) -> str:
    return f"/v1/supplies/{supply['id']}"


def patch(person: ApiUser, supply: dict[str, Any], match: str | None = "*", **changes: Any) -> httpx.Response:
    more = {"If-Match": match} if match is not None else {}
    return person.request("PATCH", path(supply), changes, more=more)


def changed(person: ApiUser, supply: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = patch(person, supply, **changes)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_all_terms_may_change(merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """What is absent stays, each change is a version, and supply.updated names the fields."""
    supply = on_sale()
    first = changed(merchant, supply, title="Another thing", description="Better", unit_price="7", per_user_limit=3)
    same = ("id", "merchant_id", "currency", "quantity", "asset", "created_at", "status", "phases")
    assert {name: first[name] for name in same} == {name: supply[name] for name in same}
    assert (first["title"], first["unit_price"], first["per_user_limit"]) == ("Another thing", "7", 3)
    assert first["version"] == supply["version"] + 1
    assert first["updated_at"] > supply["updated_at"]
    second = changed(merchant, supply, per_user_limit=None, phases=[PHASE])
    assert second["per_user_limit"] is None
    nothing = dict.fromkeys(("ends_at", "unit_price", "per_user_limit", "cap", "allowlist_root"))
    assert second["phases"] == [{**PHASE, **nothing}]
    assert changed(merchant, supply, phases=[])["phases"] == []
    assert merchant.get(path(supply))["version"] == supply["version"] + 3
    events = [event for event in probe.stream("supply", supply["id"]) if event.type == "supply.updated"]
    assert [event.data["changed"] for event in events] == [
        ["title", "description", "unit_price", "per_user_limit"],
        ["per_user_limit", "phases"],
        ["phases"],
    ]
    assert [event.data.pop("terms")["version"] for event in events] == [supply["version"] + n for n in (1, 2, 3)]
    assert events[0].data == {
        "supply_id": supply["id"],
        "user_id": merchant.user_id,
        "title": "Another thing",
        "unit_price": "7",
        "status": "active",
        "per_user_limit": 3,
        "changed": ["title", "description", "unit_price", "per_user_limit"],
        "payout_wallet_id": merchant.wallet_id,
    }


def test_what_changes_nothing_is_no_version(merchant: ApiUser, on_sale: OnSale, probe: DatabaseProbe) -> None:
    """An empty body, or the values that are there, is answered with the supply as it is."""
    supply = on_sale(phases=[{**PHASE, "starts_at": "2026-01-01T02:00:00+02:00"}])
    for changes in ({}, {"title": supply["title"], "status": "active", "phases": [PHASE]}):
        assert changed(merchant, supply, **changes) == supply
    assert [event.type for event in probe.stream("supply", supply["id"])] == ["supply.created"]


def test_a_version_must_be_named(merchant: ApiUser, on_sale: OnSale) -> None:
    """Without If-Match nothing changes: 428; with a stale one neither: 412."""
    supply = on_sale()
    refused(patch(merchant, supply, None, title="x"), 428, "PRECONDITION_REQUIRED")
    fresh = merchant.request("GET", path(supply)).headers["ETag"]
    answer = patch(merchant, supply, fresh, title="x")
    assert answer.status_code == 200
    refused(patch(merchant, supply, fresh, title="y"), 412, "PRECONDITION_FAILED")
    assert patch(merchant, supply, answer.headers["ETag"], title="y").status_code == 200
    for stale in ('"0-1"', '"99"', '""', 'W/"3-1"', '"x"', '"3x"', '"1", "2"'):
        refused(patch(merchant, supply, stale, title="z"), 412, "PRECONDITION_FAILED")
    assert merchant.get(path(supply))["title"] == "y"
    for one_of in ('"1", "3"', '"3"', '"3-99"', "*", ', "3-1" ,'):
        assert patch(merchant, supply, one_of).status_code == 200


MALFORMED = ["", "1", '"1', '1"', '"1" "2"', 'w/"1"', "*, *", '*, "1"', "'1'", '"a b"', ","]


def test_a_malformed_version_is_400(merchant: ApiUser, on_sale: OnSale, subtests: pytest.Subtests) -> None:
    """An If-Match that is no list of entity tags is reported as a field."""
    supply = on_sale()
    for match in MALFORMED:
        with subtests.test(match=match):
            refused(patch(merchant, supply, match, title="x"), 400, "VALIDATION_FAILED", "If-Match")


def test_a_sale_does_not_make_a_version_stale(
    merchant: ApiUser, buyer: ApiUser, on_sale: OnSale, ordered: Callable[..., dict[str, Any]]
) -> None:
    """It changes the second part of the ETag, which If-Match does not look at; and a restock does likewise."""
    supply = on_sale()
    before = merchant.request("GET", path(supply)).headers["ETag"]
    ordered(buyer, supply, 2)
    after = merchant.request("GET", path(supply)).headers["ETag"]
    assert before != after
    assert before.split("-")[0] == after.split("-")[0]
    assert patch(merchant, supply, before, title="x").status_code == 200


def test_of_changes_at_once_from_one_version_one_wins(merchant: ApiUser, on_sale: OnSale) -> None:
    """The others are refused as stale; no update is lost or mixed."""
    supply = on_sale()
    fresh = merchant.request("GET", path(supply)).headers["ETag"]
    answers = all_at_once([partial(patch, merchant, supply, fresh, title=f"Title {n}") for n in range(8)])
    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    for answer in answers:
        if answer.status_code != 200:
            refused(answer, 412, "PRECONDITION_FAILED")
    assert merchant.get(path(supply)) == won[0]


def test_changes_at_once_of_any_version_all_count(merchant: ApiUser, on_sale: OnSale) -> None:
    """With `*` each is applied to what is there: one of each of two fields is kept."""
    supply = on_sale()
    calls = [partial(patch, merchant, supply, "*", title=f"Title {n}") for n in range(3)]
    calls += [partial(patch, merchant, supply, "*", description=f"Text {n}") for n in range(3)]
    answers = all_at_once(calls)
    assert [answer.status_code for answer in answers] == [200] * 6
    last = merchant.get(path(supply))
    assert (last["version"], last["title"][:5], last["description"][:4]) == (supply["version"] + 6, "Title", "Text")


def test_a_new_price_does_not_touch_placed_orders(
    merchant: ApiUser, buyer: ApiUser, on_sale: OnSale, paid_order: Callable[..., dict[str, Any]]
) -> None:
    """An order keeps the price at which it was placed; the next one pays the new."""
    supply = on_sale(unit_price="1000")
    order = paid_order(buyer, supply, 2)
    changed(merchant, supply, unit_price="3")
    assert buyer.get(f"/v1/orders/{order['id']}")["total"] == "2000"
    assert paid_order(buyer, supply, 2)["total"] == "6"


def test_a_supply_is_paused_and_resumed(
    merchant: ApiUser, buyer: ApiUser, on_sale: OnSale, ordered: Callable[..., dict[str, Any]]
) -> None:
    """A paused one sells nothing: 409, the order kept as failed."""
    supply = on_sale()
    assert changed(merchant, supply, status="paused")["status"] == "paused"
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
    refused(buyer.request("POST", "/v1/orders", body, fresh_key()), 409, "NOT_ON_SALE")
    assert changed(merchant, supply, status="active")["status"] == "active"
    assert ordered(buyer, supply)["status"] in ("confirmed", "paid")


def test_a_draft_becomes_active_and_seen(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """Until then others cannot see it, and then it cannot be hidden again."""
    supply = on_sale(status="draft")
    absent(buyer.request("GET", path(supply)))
    assert changed(merchant, supply, title="Ready", status="active")["status"] == "active"
    assert buyer.get(path(supply))["title"] == "Ready"


@pytest.mark.parametrize(
    ("way", "illegal"),
    [([], "draft"), (["paused"], "draft"), (["paused", "active"], "draft")],
)
def test_a_status_that_cannot_follow_is_refused(
    merchant: ApiUser, on_sale: OnSale, way: list[str], illegal: str
) -> None:
    """And what else the request would change is not changed either."""
    supply = on_sale()
    for status in way:
        supply = changed(merchant, supply, status=status)
    refused(patch(merchant, supply, status=illegal, title="x"), 409, "ILLEGAL_STATUS")
    assert merchant.get(path(supply)) == supply


def test_a_draft_cannot_be_paused(merchant: ApiUser, on_sale: OnSale) -> None:
    """It is not for sale yet."""
    refused(patch(merchant, on_sale(status="draft"), status="paused"), 409, "ILLEGAL_STATUS")


def test_what_is_sold_out_is_active(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale, ordered: Any) -> None:
    """It can be changed and paused as such, and is sold out again after."""
    supply = on_sale(quantity=1)
    ordered(buyer, supply)
    assert merchant.get(path(supply))["status"] == "sold_out"
    assert changed(merchant, supply, status="active")["status"] == "sold_out"
    assert changed(merchant, supply, title="Gone")["status"] == "sold_out"
    assert changed(merchant, supply, status="paused")["status"] == "paused"
    assert changed(merchant, supply, status="active")["title"] == "Gone"
    assert merchant.get(path(supply))["status"] == "sold_out"


def test_an_archived_supply_stays_as_it_is(merchant: ApiUser, on_sale: OnSale) -> None:
    """Whatever version is named, and whatever is to change."""
    supply = on_sale()
    assert merchant.request("DELETE", path(supply)).status_code == 204
    for match in ("*", '"1"', '"2-1"'):
        refused(patch(merchant, supply, match, title="x"), 409, "SUPPLY_ARCHIVED")
    refused(patch(merchant, supply, status="active"), 409, "SUPPLY_ARCHIVED")


def test_only_its_merchant_may_change_it(merchant: ApiUser, buyer: ApiUser, on_sale: OnSale) -> None:
    """To everybody else it is not there, whatever it is and whichever version they name."""
    wanted = [on_sale(), on_sale(status="draft"), {"id": ids.new("sup", "us")}, {"id": "nonsense"}]
    absent(*(patch(buyer, supply, match, title="x") for supply in wanted for match in ("*", '"9"')))


BAD: dict[str, list[Any]] = {
    "title": ["", "x" * 201, "line\n", 1, None],
    "description": ["x" * 5001, None],
    "unit_price": ["-1", "1.0", "01", str(MAXIMUM + 1), 1, None],
    "per_user_limit": [0, -1, 10**9 + 1, 1.0, "1", True],
    "status": ["sold_out", "archived", "Active", "", None, 1],
    "phases": [None, {}, "x", [PHASE] * 101],
    "currency": ["ETH"],
    "quantity": [1],
    "version": [1],
}


@pytest.mark.parametrize("field", BAD)
def test_a_bad_field_is_named(merchant: ApiUser, on_sale: OnSale, field: str, subtests: pytest.Subtests) -> None:
    """Whatever does not fit the contract is 400 with the field that is wrong."""
    supply = on_sale()
    for value in BAD[field]:
        with subtests.test(value=value):
            refused(patch(merchant, supply, **{field: value}), 400, "VALIDATION_FAILED", field)


BAD_PHASES: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "x" * 101),
    ("name", "\t"),
    ("name", None),
    ("starts_at", "2026-01-01"),
    ("starts_at", "2026-01-01T00:00:00"),
    ("starts_at", 1),
    ("starts_at", None),
    ("starts_at", "0001-01-01T00:00:00+14:00"),
    ("ends_at", "9999-12-31T23:59:59-14:00"),
    ("ends_at", "2026-01-01T00:00:00Z"),
    ("ends_at", "2025-12-31T23:59:59Z"),
    ("unit_price", "-1"),
    ("unit_price", 1),
    ("per_user_limit", 0),
    ("cap", 0),
    ("cap", 10**9 + 1),
    ("allowlist_root", "0x"),
    ("allowlist_root", "0x" + "0" * 63),
    ("allowlist_root", "0x" + "0" * 64 + "\n"),
    ("allowlist_root", "00" * 32),
    ("allowlist_root", "0x" + "g" * 64),
    ("limit", 1),
]


def test_a_bad_phase_is_reported(merchant: ApiUser, on_sale: OnSale, subtests: pytest.Subtests) -> None:
    """Each field of a phase is checked, when a supply is made and when it is changed."""
    supply = on_sale()
    for field, value in BAD_PHASES:
        with subtests.test(field=field, value=value):
            phases = [{**PHASE, field: value}]
            made = {"title": "A thing", "currency": "USDC", "unit_price": "1", "quantity": 1, "phases": phases}
            for answer in (
                merchant.request("POST", "/v1/supplies", made, fresh_key()),
                patch(merchant, supply, phases=phases),
            ):
                reported = refused(answer, 400, "VALIDATION_FAILED")
                assert reported["errors"][0]["field"].startswith("phases[")


def test_it_needs_a_token_with_its_scope(guarded: Callable[..., None], on_sale: OnSale) -> None:
    """supply:write, which only merchants have."""
    guarded("update_supply", path(on_sale()), {"title": "x"})
