"""Nobody's secrets are in the logs: of a whole sale, with what goes wrong in one."""

import re
import secrets
from collections.abc import Iterator
from http.server import HTTPServer
from typing import Any, Final

import httpx
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.chain.ethereum import personal_digest, sign
from tests.push_endpoint import push_handler
from tests.serving import serve
from tests.webhook_receiver import WebhookReceiver

CLIENT: Final = "203.0.113.77"
"""The network address of the buyer, from a range that is nobody's (RFC 5737)."""

AGENT: Final = "An-Unusual-Browser/7.3"
TOO_SHORT: Final = 12
"""Secrets of fewer characters would be found by chance; there are none."""

WORDS: Final = re.compile(r"[\w+/=.-]{12,}", re.ASCII)


def secrets_of(stack: Stack) -> Iterator[str]:
    """The stack's own: keys, passwords, tokens, in whichever file and format."""
    for path in stack.layout.secrets.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            yield text.hex()
            yield from WORDS.findall(text.decode("ascii", "ignore"))


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(each)


def test_no_secret_is_in_the_logs_of_a_sale(stack: Stack, edge: httpx.Client, on_sale: Any) -> None:
    """Tokens, nonces, signatures, vouchers, secrets of webhooks, keys; nor network addresses, browsers and wallets."""
    disguise = {"X-Forwarded-For": CLIENT, "User-Agent": AGENT}
    with (
        httpx.Client(base_url=stack.edge_url, timeout=30, headers=disguise) as http,
        WebhookReceiver() as receiver,
    ):
        buyer = ApiUser(http)
        nonce = buyer.post("/v1/auth/nonce", {"address": buyer.address, "chain_id": 31337})
        signature = "0x" + sign(personal_digest(nonce["message"].encode()), buyer._key).hex()
        signed_in = buyer.post("/v1/auth/sign-in", {"message": nonce["message"], "signature": signature})
        again = buyer.request("POST", "/v1/auth/sign-in", {"message": nonce["message"], "signature": signature})
        assert again.status_code == 401
        buyer.sign_in()
        webhook = buyer.post("/v1/webhooks", {"url": receiver.url, "events": ["order.paid"]})
        buyer.post("/v1/local/faucet", {"wallet_id": buyer.wallet_id, "currency": "USDC", "amount": "5000"})
        supply = on_sale()
        body = {"items": [{"supply_id": supply["id"], "quantity": 1}], "wallet_id": buyer.wallet_id}
        order = buyer.post("/v1/orders", body, key=fresh_key())
        buyer.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
        claim = buyer.post("/v1/claims", {"order_id": order["id"]})
        refreshed = buyer.post("/v1/auth/refresh", {"refresh_token": buyer.refresh_token})
        edge.get("/v1/wallets", headers={"Authorization": f"Bearer {refreshed['access_token']}x"})
        edge.get(f"/v1/{refreshed['access_token']}")
        edge.post("/v1/auth/refresh", json={"refresh_token": refreshed["refresh_token"] + "x"})
        until(lambda: receiver.received, bool)
    forbidden = {
        *secrets_of(stack),
        *(nonce["message"], signature, buyer.address, buyer.address.lower(), buyer._key.hex(), CLIENT, AGENT),
        *(signed_in["access_token"], signed_in["refresh_token"], buyer.access_token, buyer.refresh_token),
        *(refreshed["access_token"], refreshed["refresh_token"], webhook["secret"], claim["voucher"]["signature"]),
    }
    logs = {path.name: path.read_text(encoding="utf-8", errors="replace") for path in stack.layout.logs.glob("*.log*")}
    assert any(order["id"] in text or "/v1/orders 201" in text for text in logs.values()), "these are not its logs"
    sought = [each for each in forbidden if len(each) >= TOO_SHORT]
    assert [(name, each) for name, text in logs.items() for each in sought if each in text] == []


def test_a_push_that_fails_is_logged_without_its_token(stack: Stack) -> None:
    """The emulator sends no Authorization header, so the stack's pushes are authenticated by their URL."""
    name, token, pushes = f"refused-{secrets.token_hex(4)}", secrets.token_hex(16), list[bytes]()
    project = stack.environment["GOOGLE_CLOUD_PROJECT"]
    topic, subscription = f"projects/{project}/topics/{name}", f"projects/{project}/subscriptions/{name}"

    def refuse_once(body: bytes) -> None:
        pushes.append(body)
        if len(pushes) == 1:
            raise ConnectionError("refused by the test")

    with HTTPServer(("127.0.0.1", 0), push_handler(refuse_once)) as server, PublisherClient() as publisher:
        serve(server)
        with SubscriberClient() as subscriber:
            try:
                publisher.create_topic(name=topic)
                endpoint = f"http://127.0.0.1:{server.server_port}/?token={token}"
                subscriber.create_subscription(name=subscription, topic=topic, push_config={"push_endpoint": endpoint})
                publisher.publish(topic, b"1").result(timeout=10)
                until(lambda: len(pushes), lambda count: count > 1)  # the first failure has been logged by then
                subscriber.delete_subscription(subscription=subscription)
                publisher.delete_topic(topic=topic)
            finally:
                server.shutdown()
    assert token not in (stack.layout.logs / "pubsub.log").read_text(encoding="utf-8", errors="replace")
