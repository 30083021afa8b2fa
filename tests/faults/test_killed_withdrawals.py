"""Withdrawals are paid exactly once while the processes that send them, and the node, are killed."""

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.runner import resources_of
from emulators.stack.stack import Stack
from shared.config import read
from tests.chain import LocalChain
from tests.database_probe import DatabaseProbe
from tests.faults.test_killed_sale import REGION, WITH_NODE_SECONDS, killing
from tests.functions.wallet.custody import an_address

COUNT, AMOUNT = 8, 100


@pytest.mark.long
def test_withdrawals_survive_kills(fragile: Stack) -> None:
    """The poller, the node (which loses its last blocks) and PostgreSQL die in turn: each is paid once."""
    settings = read(fragile.environment)
    chain = LocalChain(settings.chain_urls[settings.custody_chain_id])
    to = an_address()
    with httpx.Client(base_url=fragile.edge_url, timeout=30) as client:
        buyer = ApiUser(client).sign_in_with_retries()
        body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(COUNT * AMOUNT)}
        buyer.send_with_retries("POST", "/v1/local/faucet", body).raise_for_status()
        body = {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": str(AMOUNT), "to_address": to}
        with killing(fragile, [f"poller-wallet-{REGION}", "chain", "postgres"], WITH_NODE_SECONDS) as killed:
            made = [buyer.send_with_retries("POST", "/v1/withdrawals", body, fresh_key()).json() for _ in range(COUNT)]
            for withdrawal in made:
                buyer.until_settled(f"/v1/withdrawals/{withdrawal['id']}", lambda seen: seen["status"] == "mined")
        assert len(killed) >= 3
        chain.until(lambda: chain.usdc(to) == COUNT * AMOUNT, "the recipient has all of it")
        assert buyer.balance("USDC") == 0
    probe = DatabaseProbe(resources_of(fragile))
    [given] = probe.rows("wallet", "SELECT count(*) AS nonces, max(nonce) - min(nonce) + 1 AS span FROM sendings")
    assert given["nonces"] == given["span"] == COUNT
