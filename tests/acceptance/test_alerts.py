"""Alerts fire for real: what they watch for is caused on a running stack, and its Prometheus says that they fire.

The rules of this Prometheus have seconds in place of minutes (firing.hurried); nothing else differs from OBSERVE=1.
What takes a minute even so, because it is measured each minute or has to last for an hour, is caused first, by the
fixture `caused`, and seen last. Each alert fires with the labels of what was caused, with which it did not before.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx
import pytest
from pg8000.native import Connection

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.runner import resources_of
from emulators.stack.ports import HOST, Ports
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.chain.node import ChainClient
from shared.client.python.meridian_client.errors import ApiError
from tests.acceptance.firing import Firing, causes, meanwhile, observed_in_a_hurry
from tests.audit.plants import PLANTS
from tests.bench.counters import superuser

pytestmark = pytest.mark.alone

TIMES: Final = 60
MONEY: Final = 10**12
HOOKS: Final = 10
"""So many that one of them is tried every few seconds, though each rests longer after every failure."""

LOCKED_SECONDS: Final = 0.8
"""How long a table is locked at a time: less than what a database may take, so that no breaker opens."""

READERS: Final = 12
"""More than there are connections in the pool, and fewer than the host has threads."""

LATE_SECONDS: Final = 6.0
"""How long events are held back: longer than they may take."""

BALANCES: Final = "wallet balances_are_their_entries"
FORGOTTEN: Final = "order nobody_is_forgotten"

CHECKED: Final = 'meridian_invariants_checked_timestamp_seconds{service="supply"}'

REFUSE: Final = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON claims FOR EACH ROW WHEN (NEW.user_id = '{user_id}')
    EXECUTE FUNCTION refuse()"""

UNREADABLE: Final = "UPDATE deliveries SET tried = '5', due_at = now() WHERE webhook_id = :webhook_id"


@dataclass
class Shop:
    """A stack that is watched, and people on it."""

    stack: Stack
    firing: Firing
    edge: httpx.Client
    merchant: ApiUser
    supply: dict[str, Any]

    @property
    def region(self) -> str:
        """The stack's only region."""
        return self.stack.layout.regions[0]

    def person(self) -> ApiUser:
        """A new user, with money."""
        user = ApiUser(self.edge).sign_in_with_retries()
        user.post("/v1/local/faucet", {"wallet_id": user.wallet_id, "currency": "USDC", "amount": str(MONEY)})
        return user

    def order(self, buyer: ApiUser) -> httpx.Response:
        """Order a unit, with whatever outcome."""
        items = [{"supply_id": self.supply["id"], "quantity": 1}]
        return buyer.request("POST", "/v1/orders", {"wallet_id": buyer.wallet_id, "items": items}, fresh_key())

    def paid(self, buyer: ApiUser) -> str:
        """The id of an order, once it is paid."""
        order_id: str = self.order(buyer).raise_for_status().json()["id"]
        buyer.wait_for(f"/v1/orders/{order_id}", "status", "paid")
        return order_id

    def database(self, service: str) -> Connection:
        """A superuser's connection to a service's database."""
        return superuser(self.stack, resources_of(self.stack).settings.database_name(service))

    def plant(self, invariant: str, **names: str) -> None:
        """Violate an invariant, as tests/audit does. names: of what the plant is about."""
        planted = next(each for each in PLANTS if each.invariant == invariant)
        with self.database(planted.service) as connection:
            connection.run(planted.sql.format_map(names))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack with Prometheus and Alertmanager, on which something was bought and nothing fires."""
    folder = tmp_path_factory.mktemp("alerts")
    with (
        observed_in_a_hurry(folder, TIMES) as (stack, firing),
        httpx.Client(base_url=stack.edge_url, timeout=30) as edge,
    ):
        merchant = ApiUser(edge).sign_in()
        terms = {"title": "A thing", "currency": "USDC", "unit_price": "1000", "quantity": 100_000, "status": "active"}
        opened = Shop(stack, firing, edge, merchant, merchant.post("/v1/supplies", terms, key=fresh_key()))
        opened.paid(opened.person())
        until(firing.now, lambda seen: not seen, 60)
        yield opened


@pytest.fixture(scope="module", autouse=True)
def caused(shop: Shop) -> None:
    """What takes long to be seen: changed rows, what fails again and again, an empty account."""
    buyer, unlucky = shop.person(), shop.person()
    shop.plant(BALANCES, stranger=buyer.wallet_id)
    shop.plant(FORGOTTEN, paid=shop.paid(buyer))
    with shop.database("claiming") as connection:
        connection.run(REFUSE.format(user_id=unlucky.user_id))
    shop.paid(unlucky)
    ports = Ports(["nobody"], free=True)
    for _ in range(HOOKS):
        _failing_hook(shop.merchant, ports.chosen["nobody"])
    with shop.database("notification") as connection:
        connection.run(UNREADABLE, webhook_id=_failing_hook(shop.merchant, ports.chosen["nobody"]))
    ports.release()
    relayer = resources_of(shop.stack).signer("relayer").address
    ChainClient(f"http://{shop.stack.layout.address('chain')}", timeout_seconds=10).request(
        "anvil_setBalance", relayer, hex(10**16)
    )


def _failing_hook(owner: ApiUser, port: int) -> str:
    """A webhook to an address at which nobody listens, with a delivery under way. Returns its id."""
    hook = owner.post("/v1/webhooks", {"url": f"http://{HOST}:{port}/", "events": ["order.paid"]})
    owner.post(f"/v1/webhooks/{hook['id']}/test")
    return str(hook["id"])


@pytest.fixture
def buyer(shop: Shop) -> ApiUser:
    """A new user, with money."""
    return shop.person()


@causes("DependencyDown", "LimitsUnshared", "AvailabilityBurnsFast")
def test_redis_is_gone(shop: Shop, buyer: ApiUser) -> None:
    """Instances count by themselves, and nobody can sign in, while a breaker is open."""

    def sign_in() -> None:
        with suppress(ApiError):  # 503, which is the point
            ApiUser(shop.edge).sign_in()

    shop.firing.until_quiet("AvailabilityBurnsFast")
    shop.stack.stop("valkey")
    with meanwhile(sign_in, *[partial(buyer.request, "GET", "/v1/wallets")] * 2):
        shop.firing.until("DependencyDown", dependency="redis")
        shop.firing.until("LimitsUnshared")
        shop.firing.until("AvailabilityBurnsFast")
    shop.stack.start("valkey")


@causes("OutboxStuck", "EventsLateBurnsFast")
def test_the_bus_hangs(shop: Shop, buyer: ApiUser) -> None:
    """Events wait in the outbox, and are handled late once it goes on."""
    shop.firing.until_quiet("OutboxStuck", job="relay-order")
    shop.firing.until_quiet("EventsLateBurnsFast")
    shop.stack.pause("pubsub")
    order = shop.order(buyer).raise_for_status().json()
    shop.firing.until("OutboxStuck", job="relay-order")
    with meanwhile(partial(shop.order, buyer), every_seconds=LATE_SECONDS / 3):
        until(partial(_age, shop, order["id"]), lambda age: age > LATE_SECONDS)
    shop.stack.pause("pubsub", resume=True)
    shop.firing.until("EventsLateBurnsFast")


def _age(shop: Shop, order_id: str) -> float:
    """How many seconds ago an order was confirmed."""
    sql = "SELECT extract(epoch FROM clock_timestamp() - max(recorded_at)) FROM events WHERE stream = :id"
    with shop.database("order") as connection:
        return float(connection.run(sql, id=order_id)[0][0])


@causes("PoolExhausted", "OrderLatencyBurnsFast")
def test_a_table_is_locked_again_and_again(shop: Shop, buyer: ApiUser) -> None:
    """Calls take longer than they arrive, and orders longer than a second."""
    shop.firing.until_quiet("PoolExhausted", dependency="database order")
    shop.firing.until_quiet("OrderLatencyBurnsFast")
    with shop.database("order") as connection:

        def lock() -> None:
            connection.run("BEGIN")
            connection.run("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            connection.run("SELECT pg_sleep(:seconds)", seconds=LOCKED_SECONDS)
            connection.run("COMMIT")

        readers = [partial(buyer.request, "GET", "/v1/orders?limit=1")] * READERS
        with meanwhile(lock, *readers, *[partial(shop.order, buyer)] * 3, every_seconds=0):
            shop.firing.until("OrderLatencyBurnsFast")
            shop.firing.until("PoolExhausted", dependency="database order")


@causes("ProcessDown")
def test_a_process_is_gone(shop: Shop) -> None:
    """A relay, which has checked its service's invariants once. Alertmanager is told."""
    until(partial(shop.firing.has, CHECKED), bool, 120)
    shop.stack.stop(f"relay-supply-{shop.region}")
    shop.firing.until("ProcessDown", job="relay-supply", location=shop.region)
    until(shop.firing.received, lambda seen: "ProcessDown" in seen)


@causes("SenderLacksGas", "PollingStalls")
def test_the_chain_is_gone_after_the_relayers_ether(shop: Shop) -> None:
    """The relayer's balance was read in time; what is read of a chain is not read any more."""
    shop.firing.until("SenderLacksGas", sender="relayer")
    shop.firing.until_quiet("PollingStalls", operation="watch_deposits")
    shop.stack.stop("chain")
    shop.firing.until("PollingStalls", operation="watch_deposits")


@causes("DeliveriesFail")
def test_nobody_listens_to_webhooks(shop: Shop) -> None:
    """The attempts of some webhooks fail, and there are no others."""
    shop.firing.until("DeliveriesFail")


@causes("EventsParked")
def test_an_effect_raises(shop: Shop) -> None:
    """A table refuses the claim of one buyer, whose event is parked after its last attempt."""
    shop.firing.until("EventsParked", consumer="open_claim")


@causes("JobItemsFail")
def test_an_item_of_a_job_raises(shop: Shop) -> None:
    """A delivery whose row cannot be read is tried again and again."""
    shop.firing.until("JobItemsFail", operation="send_deliveries")


@causes("MoneyInvariantViolated", "InvariantViolated")
def test_rows_were_changed_by_hand(shop: Shop) -> None:
    """A balance, and when an order is looked at."""
    shop.firing.until("MoneyInvariantViolated", invariant=BALANCES.split()[1])
    shop.firing.until("InvariantViolated", service="order", invariant=FORGOTTEN.split()[1])


@causes("AvailabilityBurnsSlowly", "EventsLateBurnsSlowly", "OrderLatencyBurnsSlowly")
@pytest.mark.parametrize("objective", ["Availability", "EventsLate", "OrderLatency"])
def test_a_budget_does_not_last(shop: Shop, objective: str) -> None:
    """Some minutes after the one that burns fast, whose cause is over: it was enough for longer."""
    shop.firing.until(f"{objective}BurnsSlowly")


@causes("InvariantsUnchecked")
def test_a_service_is_not_audited(shop: Shop) -> None:
    """Its relay is gone since a test before, and with it what it exported."""
    shop.firing.until("InvariantsUnchecked", service="supply")
