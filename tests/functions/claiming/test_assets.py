"""Asset bindings: the first voucher is signed only if the assets are bound to the order's merchant."""

import json
from collections.abc import Callable
from typing import Any

from emulators.demo.api_user import ApiUser
from emulators.waiting import until
from shared import ids
from shared.resources import Resources
from tests.database_probe import DatabaseProbe
from tests.problems import refused

CLAIMS = "/v1/claims"


def test_what_is_not_bound_to_its_merchant_gets_no_voucher(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    own_asset: dict[str, Any],
    resources: Resources,
) -> None:
    """Bound to nobody, or to another: 409 and no voucher; an existing voucher stays valid."""
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
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    resources: Resources,
) -> None:
    """Whatever the order says, and though somebody has bound it."""
    theirs, own = on_sale(asset=None), on_sale(asset=None)
    order = paid_order(buyer, own)
    items = opened(buyer, order, probe)
    token = theirs["asset"]["token_id"]
    resources.firestore().collection("assets").document(f"31337:{theirs['asset']['contract'].lower()}:{token}").set(
        {"merchant_id": own["merchant_id"]}
    )
    store(probe, order, [{**items[0], "token_id": token}])
    refused(buyer.request("POST", CLAIMS, {"order_id": order["id"]}), 409, "ASSET_NOT_YOURS")
    store(probe, order, items)
    assert buyer.post(CLAIMS, {"order_id": order["id"]})["order_id"] == order["id"]


def test_a_claim_of_an_earlier_release_is_handed_out(
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
) -> None:
    """An old claim does not name its supplies: they are read from the order service."""
    for asset in ({}, {"asset": None}):
        order = paid_order(buyer, on_sale(**asset))
        earlier = [{name: item[name] for name in item if name != "supply_id"} for item in opened(buyer, order, probe)]
        store(probe, order, earlier)
        assert buyer.post(CLAIMS, {"order_id": order["id"]})["order_id"] == order["id"]


def opened(buyer: ApiUser, order: dict[str, Any], probe: DatabaseProbe) -> list[dict[str, Any]]:
    """The items of an order's claim, once it is open."""

    def found() -> list[dict[str, Any]]:
        return probe.rows("claiming", "SELECT items FROM claims WHERE order_id = :id", id=order["id"])

    rows = until(found, bool)
    items: list[dict[str, Any]] = rows[0]["items"]
    return items


def store(probe: DatabaseProbe, order: dict[str, Any], items: list[dict[str, Any]]) -> None:
    sql = "UPDATE claims SET items = :items::jsonb WHERE order_id = :id RETURNING id"
    assert probe.rows("claiming", sql, items=json.dumps(items), id=order["id"])
