"""What goes on while one dependency is down, and what waits: docs/operations.md says it in a table.

An instance here is a function of the stack's own code and stores, from which one dependency is out of reach; the stack
itself, and all other tests, have it.
"""

import json
from collections.abc import Callable
from typing import Any, Final
from unittest.mock import patch

import flask
import pytest
from msgspec.structs import replace

from emulators.demo.api_user import CHAIN_ID, ApiUser, fresh_key
from emulators.stack.stack import Stack
from functions import main
from shared.chain.ethereum import address_of, personal_digest, sign
from shared.config import Settings
from shared.firestore import calls as firestore
from shared.registry import load
from shared.resources import Resources
from shared.runtime.http import HttpOperation
from tests.database_probe import DatabaseProbe, Stock

NOWHERE: Final = "127.0.0.1:1"
KEY: Final = b"\x07" * 32


class Instance:
    """An instance of each function, with settings that lead elsewhere."""

    def __init__(self, settings: Settings, **changes: Any) -> None:
        self._settings = replace(settings, **changes)
        self.resources = Resources(self._settings)

    def ask(self, name: str, path: str, body: Any = None, person: ApiUser | None = None) -> flask.Response:
        """Send one request to a row's function; a POST when there is a body."""
        with patch.object(main, "resources", lambda: self.resources):
            bound = main.bind(load().rows[name])
        parts = self.resources
        operation = HttpOperation(bound, self._settings, parts.clock, parts.sessions(), parts.limits(), parts.cache())
        headers = {"Idempotency-Key": fresh_key()}
        if person:
            headers["Authorization"] = f"Bearer {person.access_token}"
        with flask.Flask("degraded").test_request_context(
            path, method=bound.row.method, json=body, headers=headers
        ) as context:
            return operation(context.request)


def is_unavailable(answer: flask.Response) -> None:
    """503 with Retry-After."""
    assert answer.status_code == 503, answer.get_data()
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.get_json()["code"] == "UNAVAILABLE"


def order_of(buyer: ApiUser, supply: dict[str, Any]) -> dict[str, Any]:
    return {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": 1}]}


@pytest.fixture
def without_redis(settings: Settings, resources: Resources) -> Instance:
    """Instances that cannot reach Redis. `resources` sets the emulator variables of Google's clients."""
    return Instance(settings, redis_url=f"redis://{NOWHERE}/0")


def test_without_redis_people_read_and_buy(
    without_redis: Instance, buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], probe: DatabaseProbe
) -> None:
    """Sessions are read from Firestore, limits are counted by each instance, reads come from PostgreSQL."""
    placed = without_redis.ask("create_order", "/v1/orders", order_of(buyer, on_sale()), buyer)
    assert placed.status_code == 201, placed.get_data()
    order_id = json.loads(placed.get_data())["id"]
    read = without_redis.ask("get_order", f"/v1/orders/{order_id}", person=buyer)
    assert read.status_code == 200
    assert '"ip"' in read.headers["RateLimit"]
    assert probe.settled(order_id).status == "paid"


def test_without_redis_nobody_enters(without_redis: Instance, anyone: Callable[[], ApiUser]) -> None:
    """Sign-in and refresh are 503, since attempts cannot be counted; neither nonce nor refresh token is used up."""
    person = anyone()
    address = address_of(KEY)
    nonce = person.post("/v1/auth/nonce", {"address": address, "chain_id": CHAIN_ID})
    signature = "0x" + sign(personal_digest(nonce["message"].encode()), KEY).hex()
    proof = {"message": nonce["message"], "signature": signature}
    is_unavailable(without_redis.ask("sign_in", "/v1/auth/sign-in", proof))
    refresh = {"refresh_token": person.refresh_token}
    is_unavailable(without_redis.ask("refresh_session", "/v1/auth/refresh", refresh))
    assert person.request("POST", "/v1/auth/sign-in", proof).status_code == 200
    assert person.request("POST", "/v1/auth/refresh", refresh).status_code == 200


def test_without_redis_vouchers_are_only_repeated(
    without_redis: Instance,
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """A first claim is 503; once created, it can be repeated without Redis too."""
    claim = {"order_id": paid_order(buyer, on_sale())["id"]}
    is_unavailable(without_redis.ask("create_claim", "/v1/claims", claim, buyer))
    first = buyer.request("POST", "/v1/claims", claim)
    assert first.status_code == 201
    repeated = without_redis.ask("create_claim", "/v1/claims", claim, buyer)
    assert repeated.status_code == 200
    assert repeated.get_json()["voucher"] == first.json()["voucher"]


def test_without_firestore_tokens_go_on(
    anyone: Callable[[], ApiUser], settings: Settings, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed-in users can read; a refresh is 503, and the same token refreshes later."""
    person = anyone()
    with monkeypatch.context() as away:
        away.setenv("FIRESTORE_EMULATOR_HOST", NOWHERE)
        away.setattr(firestore, "PATIENCE_SECONDS", 0.3)
        instance = Instance(settings)
        read = instance.ask("list_wallets", "/v1/wallets", person=person)
        assert read.status_code == 200
        refresh = {"refresh_token": person.refresh_token}
        is_unavailable(instance.ask("refresh_session", "/v1/auth/refresh", refresh))
    assert person.request("POST", "/v1/auth/refresh", refresh).status_code == 200


def test_without_the_wallet_nothing_is_ordered(
    settings: Settings, buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], probe: DatabaseProbe
) -> None:
    """503 before anything is placed: no order is stored, no unit is reserved."""
    supply = on_sale()
    instance = Instance(settings, rpc_addresses={**settings.rpc_addresses, "wallet": NOWHERE})
    is_unavailable(instance.ask("create_order", "/v1/orders", order_of(buyer, supply), buyer))
    assert probe.orders_of(buyer.user_id) == []
    assert probe.stock(supply["id"]) == Stock(10, 10, 0, 0)


def test_without_pubsub_orders_are_confirmed(
    stack: Stack, buyer: ApiUser, on_sale: Callable[..., dict[str, Any]], probe: DatabaseProbe
) -> None:
    """The buyer gets a response while no event gets through; once they do, the order is paid."""
    body = order_of(buyer, on_sale())
    stack.pause("pubsub")
    try:
        answer = buyer.request("POST", "/v1/orders", body, fresh_key())
    finally:
        stack.pause("pubsub", resume=True)
    assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
    assert probe.settled(answer.json()["id"]).status == "paid"
