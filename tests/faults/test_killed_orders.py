"""Orders that are begun together, while the database and the hosts are killed in the middle of their batches."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulators.demo import sale
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import resources_of
from emulators.stack.stack import Stack
from tests.database_probe import DatabaseProbe
from tests.faults.test_killed_sale import REGION, killing

BUYERS = 24
EACH = 5
TO_KILL = ["postgres", f"functions-{REGION}", f"rpc-supply-{REGION}", f"rpc-wallet-{REGION}"]


def buy(person: ApiUser, supply_id: str) -> list[str]:
    """A buyer orders again and again, with retries; returns the acknowledged orders."""
    acknowledged = []
    for _ in range(EACH):
        body = {"wallet_id": person.wallet_id, "items": [{"supply_id": supply_id, "quantity": 1}]}
        answer = person.send_with_retries("POST", "/v1/orders", body, key=fresh_key())
        assert answer.status_code == 201, answer.text
        acknowledged.append(answer.json()["id"])
    return acknowledged


@pytest.mark.long
def test_every_acknowledged_order_has_its_stock_and_its_hold(fragile: Stack) -> None:
    """None is lost, doubled or made up: every request has one order, and that took one unit and its price."""
    with sale.connections(fragile.edge_url, BUYERS) as client:
        merchant = ApiUser(client).sign_in_with_retries()
        terms = {"title": "A thing", "currency": "USDC", "unit_price": "1000", "quantity": 10_000, "status": "active"}
        supply_id = merchant.post("/v1/supplies", terms, key=fresh_key())["id"]
        people = [ApiUser(client).sign_in_with_retries() for _ in range(BUYERS)]
        for person in people:
            body = {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(1000 * EACH)}
            person.post("/v1/local/faucet", body)
        with killing(fragile, TO_KILL, every_seconds=4) as killed, ThreadPoolExecutor(BUYERS) as pool:
            sent = list(pool.map(lambda person: buy(person, supply_id), people))
        acknowledged = [order_id for each in sent for order_id in each]
        resources = resources_of(fragile)
        probe = DatabaseProbe(resources)
        assert Counter(probe.settled(order_id).status for order_id in acknowledged) == {"paid": BUYERS * EACH}
        assert {person.balance("USDC") for person in people} == {0}
    assert killed
    placed = probe.rows("order", "SELECT count(*) AS n, xmin::text FROM events WHERE type = 'order.placed' GROUP BY 2")
    assert sum(row["n"] for row in placed) == len(set(acknowledged)) == BUYERS * EACH
    assert max(row["n"] for row in placed) > 1, "no two orders were placed together"
    stock = probe.stock(supply_id)
    assert (stock.sold, stock.available) == (BUYERS * EACH, 10_000 - BUYERS * EACH)
    assert violations_of(audit(resources)) == []
