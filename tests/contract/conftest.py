"""Users and things that requests for any row can name, and what each row needs to succeed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from shared.config import Settings
from tests.assets import never_minted
from tests.chain import LocalChain
from tests.contract.api import Api
from tests.database_probe import DatabaseProbe


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is asked of every row is sampled: all of them go through the same runtime."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "[" in item.name:
            item.add_marker(pytest.mark.sampled)


@dataclass(frozen=True)
class World:
    """What somebody owns and nobody else may see.

    owner: to whom it belongs. stranger: somebody else.
    known: an id for each path parameter of the registry, of a thing that only its owner sees.
    paid: has the owner buy something, which is not redeemed on any chain. probe: reads the databases.
    asset: one of the owner's own.
    """

    owner: ApiUser
    stranger: ApiUser
    known: dict[str, str]
    paid: Callable[[], dict[str, Any]]
    probe: DatabaseProbe
    asset: dict[str, Any]


def funded(person: ApiUser, amount: int = 10**12) -> ApiUser:
    """Give somebody USDC."""
    person.post("/v1/local/faucet", {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(amount)})
    return person


def supply_of(person: ApiUser, **terms: Any) -> dict[str, Any]:
    """Put something on sale; arguments override the defaults."""
    body = {"title": "A thing", "currency": "USDC", "unit_price": "1000", "quantity": 1000, "status": "active"}
    made: dict[str, Any] = person.post("/v1/supplies", {**body, **terms}, key=fresh_key())
    return made


def hook_of(person: ApiUser) -> dict[str, str]:
    """A user's webhook, at an address where nothing listens, and a delivery to it, by their ids."""
    body = {"url": "http://127.0.0.1:1/", "events": ["supply.archived"]}
    webhook_id = person.post("/v1/webhooks", body)["id"]
    delivery_id = person.post(f"/v1/webhooks/{webhook_id}/test")["id"]
    return {"webhook_id": webhook_id, "delivery_id": delivery_id}


@pytest.fixture(scope="session")
def thing(merchant: ApiUser, own_asset: dict[str, Any]) -> dict[str, Any]:
    """A supply on sale, with more units than the tests can buy."""
    return supply_of(merchant, quantity=10**6, asset=own_asset)


@pytest.fixture(scope="session")
def world(
    anyone: Callable[[], ApiUser],
    thing: dict[str, Any],
    paid_order: Callable[..., dict[str, Any]],
    probe: DatabaseProbe,
    chain: LocalChain,
) -> World:
    """Somebody with one of each kind of thing, and a stranger."""
    owner = funded(anyone())
    order = paid_order(owner, thing)
    claim = owner.post("/v1/claims", {"order_id": order["id"]})
    owner.wait_for(f"/v1/orders/{order['id']}", "status", "claimed")
    away = {"wallet_id": owner.wallet_id, "currency": "USDC", "amount": "1", "to_address": owner.address}
    known = {
        "user_id": owner.user_id,
        "wallet_id": owner.wallet_id,
        "supply_id": supply_of(owner, status="draft")["id"],
        "order_id": order["id"],
        "claim_id": claim["id"],
        "folder": "common",
        "file": "style.css",
        **hook_of(owner),
        "withdrawal_id": owner.post("/v1/withdrawals", away, key=fresh_key())["id"],
    }
    return World(owner, anyone(), known, partial(paid_order, owner, thing), probe, never_minted(chain, owner.address))


@pytest.fixture(scope="session")
def fuzzed(world: World) -> World:
    """The world with another supply, which fuzzing puts on sale and archives: other tests need the draft as it is."""
    return replace(world, known={**world.known, "supply_id": supply_of(world.owner, status="draft")["id"]})


@pytest.fixture(autouse=True)
def room_for_webhooks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Deletes the webhooks that a test has made, since their number is limited."""
    yield
    if "create_webhook" in request.node.name and "api" in request.fixturenames:
        world: World = request.getfixturevalue("world")
        for webhook in world.owner.get("/v1/webhooks?limit=100")["items"]:
            if webhook["id"] != world.known["webhook_id"]:
                world.owner.request("DELETE", f"/v1/webhooks/{webhook['id']}").raise_for_status()


@pytest.fixture(scope="session")
def signed_out(anyone: Callable[[], ApiUser]) -> ApiUser:
    """A user whose session has ended, with a token that is still valid."""
    person = anyone()
    person.post("/v1/auth/sign-out", {"refresh_token": person.refresh_token})
    return person


@pytest.fixture(scope="session")
def api(edge: httpx.Client, settings: Settings, world: World) -> Iterator[Api]:
    """Sends requests of the owner of everything."""
    with httpx.HTTPTransport() as transport:
        yield Api(transport, edge.base_url, edge.headers, settings, world.owner)
