"""Where the first voucher is signed: what it hands out is the order's merchant's, as it was bound before the sale."""

import json
from collections.abc import Callable
from typing import Any

from emulators.buyer import Person
from shared import ids
from shared.adapters.resources import Resources
from tests.books import Books
from tests.problems import refused
from tests.waiting import until

CLAIMS = "/v1/claims"


def test_what_is_not_bound_to_its_merchant_gets_no_voucher(
    buyer: Person,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    own_asset: dict[str, Any],
    resources: Resources,
) -> None:
    """Bound to nobody, or to another: 409, and nothing is handed out; a voucher that there is stays what it is."""
    asset = {**own_asset, "token_id": str(ids.number(ids.new("sup", "us")))}
    supply = on_sale(asset=asset)
    first, second = (paid_order(buyer, supply) for _ in range(2))
    claim = buyer.post(CLAIMS, {"order_id": first["id"]})
    name = f"31337:{asset['contract'].lower()}:{asset['token_id']}"
    binding = resources.firestore().collection("assets").document(name)
    kept = binding.get().to_dict()
    assert kept == {"merchant_id": supply["merchant_id"]}
    binding.delete()
    refused(buyer.request("POST", CLAIMS, {"order_id": second["id"]}), 409, "ASSET_NOT_YOURS")
    binding.set({"merchant_id": buyer.user_id})
    refused(buyer.request("POST", CLAIMS, {"order_id": second["id"]}), 409, "ASSET_NOT_YOURS")
    assert buyer.get(CLAIMS)["items"] == [claim]
    assert buyer.post(CLAIMS, {"order_id": first["id"]}) == claim
    binding.set(kept)
    assert buyer.post(CLAIMS, {"order_id": second["id"]})["status"] == "claimed"


def test_another_supplys_token_of_the_house_gets_no_voucher(
    buyer: Person,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    books: Books,
    resources: Resources,
) -> None:
    """Whatever the order says, and though somebody has bound it."""
    theirs, own = on_sale(asset=None), on_sale(asset=None)
    order = paid_order(buyer, own)
    items = opened(buyer, order, books)
    token = theirs["asset"]["token_id"]
    resources.firestore().collection("assets").document(f"31337:{theirs['asset']['contract'].lower()}:{token}").set(
        {"merchant_id": own["merchant_id"]}
    )
    store(books, order, [{**items[0], "token_id": token}])
    refused(buyer.request("POST", CLAIMS, {"order_id": order["id"]}), 409, "ASSET_NOT_YOURS")
    store(books, order, items)
    assert buyer.post(CLAIMS, {"order_id": order["id"]})["order_id"] == order["id"]


def test_a_claim_of_an_earlier_release_is_handed_out(
    buyer: Person, on_sale: Callable[..., dict[str, Any]], paid_order: Callable[..., dict[str, Any]], books: Books
) -> None:
    """It does not say which supplies it is of: the order service is asked."""
    for asset in ({}, {"asset": None}):
        order = paid_order(buyer, on_sale(**asset))
        earlier = [{name: item[name] for name in item if name != "supply_id"} for item in opened(buyer, order, books)]
        store(books, order, earlier)
        assert buyer.post(CLAIMS, {"order_id": order["id"]})["order_id"] == order["id"]


def opened(buyer: Person, order: dict[str, Any], books: Books) -> list[dict[str, Any]]:
    """The items of an order's claim, once it is open."""

    def found() -> list[dict[str, Any]]:
        return books.rows("claiming", "SELECT items FROM claims WHERE order_id = :id", id=order["id"])

    rows = until(found, bool)
    items: list[dict[str, Any]] = rows[0]["items"]
    return items


def store(books: Books, order: dict[str, Any], items: list[dict[str, Any]]) -> None:
    sql = "UPDATE claims SET items = :items::jsonb WHERE order_id = :id RETURNING id"
    assert books.rows("claiming", sql, items=json.dumps(items), id=order["id"])
