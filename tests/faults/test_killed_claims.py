"""Claims are redeemed exactly once while the redeeming processes, and the node, are killed."""

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.runner import resources_of
from emulators.stack.parts import contracts
from emulators.stack.stack import Stack
from shared.chain.ethereum import keccak
from shared.config import read
from tests.chain import LocalChain
from tests.database_probe import DatabaseProbe
from tests.faults.test_killed_sale import REGION, WITH_NODE_SECONDS, killing

COUNT = 12


@pytest.mark.long
def test_claims_survive_kills(fragile: Stack) -> None:
    """The poller, the node (which loses its last blocks) and PostgreSQL die in turn: each is minted once."""
    settings = read(fragile.environment)
    chain = LocalChain(settings.chain_urls[settings.claim_chain_id])
    probe = DatabaseProbe(resources_of(fragile))
    with httpx.Client(base_url=fragile.edge_url, timeout=30) as client:
        merchant, buyer = ApiUser(client).sign_in_with_retries(), ApiUser(client).sign_in_with_retries()
        terms = {"title": "A thing", "currency": "USDC", "unit_price": "0", "quantity": COUNT, "status": "active"}
        supply = merchant.send_with_retries("POST", "/v1/supplies", terms, fresh_key()).json()
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}
        orders = [buyer.send_with_retries("POST", "/v1/orders", body, fresh_key()).json() for _ in range(COUNT)]
        with killing(fragile, [f"poller-claiming-{REGION}", "chain", "postgres"], WITH_NODE_SECONDS) as killed:
            claims = [
                buyer.send_with_retries("POST", "/v1/claims", {"order_id": order["id"]}).json() for order in orders
            ]
            for claim in claims:
                buyer.until_settled(f"/v1/claims/{claim['id']}", lambda seen: seen["status"] == "processed")
        assert len(killed) >= 3
        for order in orders:
            buyer.until_settled(f"/v1/orders/{order['id']}", lambda seen: seen["status"] == "completed")
    token = int.from_bytes(keccak(supply["id"].encode()))
    owned = ["uint256"], "balanceOf(address,uint256)", buyer.address, token
    chain.until(lambda: chain.ask(contracts.CLAIMS, *owned) == COUNT, "the buyer has all of it")
    for claim in claims:
        assert [event.type for event in probe.stream("claiming", claim["id"])][:2] == ["claim.opened", "claim.claimed"]
    [given] = probe.rows("claiming", "SELECT count(*) AS nonces, max(nonce) - min(nonce) + 1 AS span FROM sendings")
    assert given["nonces"] == given["span"] >= COUNT
