"""Fixtures of all tests: one local stack on free ports for the whole run, its users and its resources."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from functions.identity.domain.users import EVERYONE
from shared.auth.tokens import issue
from shared.config import Settings, read
from shared.container.start import OBJECTS_BEFORE_COLLECTING
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.registry import load
from shared.resources import Resources
from shared.rpc.channel import RpcChannel
from tests.assets import never_minted
from tests.chain import REDEEMED_AT_ONCE, LocalChain
from tests.database_probe import DatabaseProbe
from tests.problems import session_of, with_token
from tests.sampling import mark_the_rest
from tests.triggers import Triggers
from tests.turns import turn

FUNDS = 1_000_000_000

hypothesis.settings.register_profile("meridian", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("meridian")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the modules of long tests alone, which are slow to collect, where long tests are deselected."""
    return True if collection_path.name.endswith("_long.py") and config.option.markexpr == "not long" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sample what is to be sampled, and give every test a node id of its own.

    Processes deal tests out by it, and run one of several that share it. Schemathesis names its tests by their
    operations, and leaves that out of their ids.
    """
    mark_the_rest(items)
    for item in items:
        if "[" in item.name and not item.nodeid.endswith(item.name):
            item._id = replace(item.id, params=item.name.partition("[")[2].removesuffix("]"))
    shared = [nodeid for nodeid, times in Counter(item.nodeid for item in items).items() if times > 1]
    if shared:
        raise pytest.UsageError(f"Several tests share an id: {', '.join(shared)}.")


def pytest_collection_finish() -> None:
    """Thousands of tests live to the end: keep the garbage collector from scanning them again and again."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack: one for this run, or the one whose state folder MERIDIAN_ATTACH names, which saves time."""
    attached = os.environ.get("MERIDIAN_ATTACH")
    if attached:
        yield _reached(Stack(Path(attached)))
        return
    with Stack(state=tmp_path_factory.mktemp("stack"), free_ports=True, overrides=REDEEMED_AT_ONCE) as running:
        yield _reached(running)


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A test that is marked `alone` runs while no other uses a stack."""
    alone = request.node.get_closest_marker("alone") is not None
    if not alone and "stack" not in request.fixturenames:
        yield
        return
    with turn(tmp_path_factory.getbasetemp(), alone=alone):
        yield


def _reached(stack: Stack) -> Stack:
    """Set the environment variables by which Google's clients find the stack's emulators."""
    for name in ("PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        os.environ[name] = stack.environment[name]
    return stack


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """The settings of the stack's processes."""
    return read(stack.environment)


@pytest.fixture(scope="session")
def resources(settings: Settings) -> Resources:
    """The stack's Resources, as its own processes have them."""
    return Resources(settings)


@pytest.fixture(scope="session")
def edge(stack: Stack) -> Iterator[httpx.Client]:
    """Connections to the edge, shared by all users."""
    with httpx.Client(base_url=stack.edge_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def anyone(edge: httpx.Client, stack: Stack) -> Callable[[], ApiUser]:
    """Creates a new user, signed in."""
    return lambda: ApiUser(edge).sign_in()


@pytest.fixture(scope="session")
def merchant(anyone: Callable[[], ApiUser]) -> ApiUser:
    """A user who sells."""
    return anyone()


@pytest.fixture
def buyer(anyone: Callable[[], ApiUser]) -> ApiUser:
    """A new user with FUNDS of USDC and of ETH in their wallet."""
    person = anyone()
    for currency in ("USDC", "ETH"):
        body = {"wallet_id": person.wallet_id, "currency": currency, "amount": str(FUNDS)}
        person.post("/v1/local/faucet", body)
    return person


@pytest.fixture(scope="session")
def own_asset(chain: LocalChain, merchant: ApiUser) -> dict[str, Any]:
    """An asset of the merchant whose contract refuses to mint, so that its claims stay claimed."""
    return never_minted(chain, merchant.address)


@pytest.fixture
def on_sale(merchant: ApiUser, own_asset: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Puts a supply of the merchant on sale; terms override the defaults.

    By default its claims are not redeemed on the chain; `asset=None` is a token of Meridian's own contract.
    """

    def sell(**terms: object) -> dict[str, Any]:
        body = {"title": "A thing", "currency": "USDC", "unit_price": "1000", "quantity": 10, "asset": own_asset}
        supply: dict[str, Any] = merchant.post("/v1/supplies", {**body, "status": "active", **terms}, key=fresh_key())
        return supply

    return sell


@pytest.fixture(scope="session")
def ordered() -> Callable[..., dict[str, Any]]:
    """Orders units of a supply: `ordered(buyer, supply, quantity=1)` is the order, confirmed or further."""

    def order(buyer: ApiUser, supply: dict[str, Any], quantity: int = 1) -> dict[str, Any]:
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply["id"], "quantity": quantity}]}
        placed: dict[str, Any] = buyer.post("/v1/orders", body, key=fresh_key())
        return placed

    return order


@pytest.fixture(scope="session")
def paid_order(ordered: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Buys units of a supply: `paid_order(buyer, supply, quantity=1)` is the order once it is paid."""

    def buy(buyer: ApiUser, supply: dict[str, Any], quantity: int = 1) -> dict[str, Any]:
        order = ordered(buyer, supply, quantity)
        paid: dict[str, Any] = buyer.wait_for(f"/v1/orders/{order['id']}", "status", "paid")
        return paid

    return buy


@pytest.fixture(scope="session")
def rpc(resources: Resources) -> Callable[[str, str], RpcChannel]:
    """A channel to a service's RPC host on behalf of another: `rpc("wallet", "order").call("Wallet.Describe", ...)`."""
    return resources.channel


@pytest.fixture(scope="session")
def probe(resources: Resources) -> DatabaseProbe:
    """Reads what the services have stored from their databases."""
    return DatabaseProbe(resources)


@pytest.fixture(scope="session")
def triggers(stack: Stack, resources: Resources) -> Iterator[Triggers]:
    """Runs schedule and polling rows, and delivers events, as the scheduler, workers and Pub/Sub do."""
    opened = Triggers(stack, resources)
    yield opened
    opened.close()


@pytest.fixture
def operator(anyone: Callable[[], ApiUser], settings: Settings) -> ApiUser:
    """A user with the operator scope."""
    person = anyone()
    scopes = [*EVERYONE, "operator"]
    return with_token(person, issue(settings, person.user_id, session_of(person), scopes, datetime.now(UTC)))


@pytest.fixture(scope="session")
def audit(rpc: Callable[[str, str], RpcChannel]) -> Callable[[], list[str]]:
    """Audits every service with a database, and returns the violations."""

    def ask() -> list[str]:
        services = [name for name, service in load().services.items() if service.database]
        answers = {
            name: rpc(name, "platform").call("Audit.Check", CheckRequest(), CheckResponse, timeout_seconds=20)
            for name in services
        }
        assert all(answer.checked for answer in answers.values()), answers
        return [
            f"{name}: {broken.invariant} of {broken.subject}: {broken.detail}"
            for name, answer in answers.items()
            for broken in answer.violations
        ]

    return ask


@pytest.fixture(scope="session")
def pause_order_relay(stack: Stack) -> Callable[[], AbstractContextManager[None]]:
    """Holds back the events of orders: no hold is captured within `with pause_order_relay():`."""

    @contextmanager
    def keep() -> Iterator[None]:
        name = f"relay-order-{stack.layout.regions[0]}"
        stack.pause(name)
        try:
            yield
        finally:
            stack.pause(name, resume=True)

    return keep


@pytest.fixture(scope="session")
def chain(stack: Stack, settings: Settings) -> LocalChain:
    """The stack's chain, which exists only with npm."""
    assert "chain" in stack.ports, "these tests need the local chain: install npm"
    return LocalChain(settings.chain_urls[settings.custody_chain_id])
