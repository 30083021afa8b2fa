"""One small journey through three regions: sold in one, bought in all, claimed, paid out, and audited everywhere."""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest

from emulators import trace_view
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import sites_of
from emulators.stack.parts.global_edge import CLIENT_REGION
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared import ids
from tests.chain import REDEEMED_AT_ONCE
from tests.emulators.conftest import THREE

UNITS = 30
PRICE = 1_000_000
WANTED = (13, 8, 8)
"""What buyers of one region after the other order at home; each region has an equal share of the units at first."""

AWAY = 1
"""What one of them orders besides while being near another region."""

pytestmark = [pytest.mark.timeout(600), pytest.mark.alone]


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Stack]:
    """A running stack of three regions, whose emulators are those of this test alone."""
    with (
        patch.dict(os.environ),
        Stack(tmp_path, free_ports=True, regions=THREE, overrides=REDEEMED_AT_ONCE) as running,
    ):
        yield running


def buy(buyer: ApiUser, supply_id: str, quantity: int) -> httpx.Response:
    """Order units of a supply, from the buyer's region."""
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply_id, "quantity": quantity}]}
    return buyer.send_with_retries("POST", "/v1/orders", body, key=fresh_key())


def buy_away(buyer: ApiUser, supply_id: str) -> str:
    """Buy a unit of a supply while the buyer is near the first region. Returns the order's id."""
    body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply_id, "quantity": 1}]}
    placed = buyer.send_with_retries("POST", "/v1/orders", body, fresh_key(), more={CLIENT_REGION: THREE[0]})
    return str(placed.raise_for_status().json()["id"])


def printed(stack: Stack, order_id: str) -> str:
    """What `make trace` prints of an order."""
    return "\n".join(trace_view.shown(stack, order_id))


def knows(buyer: ApiUser, supply_id: str) -> bool:
    """Whether the buyer's home has heard of a supply."""
    return buyer.request("GET", f"/v1/supplies/{supply_id}/eligibility").status_code == 200


def test_a_supply_is_sold_in_every_region(three: Stack) -> None:
    """Each buyer's order, money and claim are at their home, and the merchant's money and the sums at the merchant's.

    One region wants more than its share, which others give; together they get every unit, and nobody gets one more.
    """
    with httpx.Client(base_url=three.edge_url, timeout=30) as client:
        merchant = ApiUser(client, near=THREE[0]).sign_in()
        terms = {"title": "Everywhere", "currency": "USDC", "unit_price": str(PRICE), "quantity": UNITS}
        supply = merchant.post("/v1/supplies", {**terms, "status": "active"}, key=fresh_key())
        buyers = [ApiUser(client, near=region).sign_in() for region in THREE]
        assert [ids.cell_of(buyer.user_id) for buyer in buyers] == ["us", "eu", "as"]
        for buyer in buyers:
            body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(UNITS * PRICE)}
            buyer.post("/v1/local/faucet", body)
            until(partial(knows, buyer, supply["id"]), bool, 60)
        orders = [(buyers[1], buy_away(buyers[1], supply["id"]))]
        for buyer, quantity in zip(reversed(buyers), WANTED, strict=True):
            # Units of other regions may take longer than an order waits for them: the buyer insists.
            answer = until(partial(buy, buyer, supply["id"], quantity), lambda answer: answer.status_code == 201, 60)
            orders.append((buyer, answer.json()["id"]))
            assert ids.cell_of(answer.json()["id"]) == ids.cell_of(buyer.user_id)
        for buyer in buyers:
            assert buy(buyer, supply["id"], 1).json()["code"] == "SOLD_OUT"
        for buyer, order_id in orders:
            buyer.wait_for(f"/v1/orders/{order_id}", "status", "paid", within_seconds=60)
            assert buyer.post("/v1/claims", {"order_id": order_id})["voucher"]
        merchant.wait_for(f"/v1/supplies/{supply['id']}", "status", "sold_out", within_seconds=60)
        shown = merchant.get(f"/v1/supplies/{supply['id']}")
        assert (shown["sold"], shown["available"], shown["reserved"]) == (UNITS, 0, 0)
        until(lambda: merchant.balance("USDC"), lambda posted: posted > 0.9 * UNITS * PRICE, 60)
        left = [buyer.balance("USDC") for buyer in reversed(buyers)]
        bought = (WANTED[0], WANTED[1] + AWAY, WANTED[2])
        assert left == [(UNITS - quantity) * PRICE for quantity in bought]
        # One tree over two regions: where the buyer was, and at home; the money goes to the merchant's.
        tree = until(partial(printed, three, orders[0][1]), lambda text: "receive_transit transit.sent" in text)
        assert re.search(r"- create_order 201 {2}\(functions-europe-west1\)", tree), tree
        assert re.search(r" {2}create_order 201 {2}\(functions-us-central1\)|edge {2}\(functions-us", tree), tree
        assert re.search(r"receive_transit transit.sent {2}\(events-us-central1\)", tree), tree
    for resources in sites_of(three).values():
        assert violations_of(audit(resources)) == []
