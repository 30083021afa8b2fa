"""A running stack with merchants' supplies and buyers with money, for the benches that go through the edge."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import httpx
from pg8000.native import Connection

from emulators.demo.api_user import ApiUser, fresh_key
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.config import read
from shared.contracts.encode import to_json
from tests.bench.counters import Counters, superuser
from tests.bench.load import Generator, Load, Played, request

BUYERS: Final = 32
"""So many that no user's rate limit is reached: each may send 200 requests a second."""

SUPPLIES: Final = 16
UNITS: Final = 1_000_000
PRICE: Final = 1_000
FUNDS: Final = 10**12
AT_ONCE: Final = 8

WARM_UPS: Final = 4
"""With 4 connections first, in the end with all."""

WARM_UP_ORDERS: Final = 24
BREAKER_SECONDS: Final = 5.0
"""How long a circuit breaker is open at first."""

SETTLE_SECONDS: Final = 180
POLL_SECONDS: Final = 0.1

COUNT_PAID: Final = "SELECT count(*) FROM orders WHERE id > :after AND status IN ('paid', 'claimed', 'completed')"
COUNT_UNDECIDED: Final = "SELECT count(*) FROM orders WHERE id > :after AND status IN ('pending', 'confirmed')"
COUNT_CLAIMS: Final = "SELECT count(*) FROM claims WHERE order_id > :after"
COUNT_SOLD: Final = "SELECT count(*) FROM reservations WHERE order_id > :after AND status <> 'reserved'"
COUNT_COMPLETED: Final = "SELECT count(*) FROM orders WHERE id > :after AND status = 'completed'"


@dataclass
class Shop:
    """The stack, its people and its supplies, and connections that look into its databases.

    polls: how many statements, each a commit of its own, those connections have run.
    """

    stack: Stack
    generator: Generator
    counters: Counters
    merchant: ApiUser
    buyers: Sequence[ApiUser]
    supply_ids: Sequence[str]
    databases: Mapping[str, Connection]
    polls: int = 0

    @property
    def port(self) -> int:
        """The edge's."""
        return self.stack.ports["edge"]

    def ask(self, service: str, sql: str, **parameters: Any) -> list[list[Any]]:
        """Read from a service's database."""
        self.polls += 1
        return list(self.databases[service].run(sql, **parameters))

    def newest(self) -> str:
        """The id of the newest order: later ones are greater."""
        return str(self.ask("order", "SELECT coalesce(max(id), '') FROM orders")[0][0])

    def orders(self, count: int, supplies: int = 1) -> list[bytes]:
        """Requests for orders of one unit, by all buyers in turn, of that many supplies in turn."""
        self._renew()
        turns = zip(cycle(self.buyers), cycle(self.supply_ids[:supplies]), strict=False)
        return [self._order(buyer, supply_id) for buyer, supply_id in islice(turns, count)]

    def reads(self) -> list[bytes]:
        """Requests for one supply, by all buyers in turn."""
        self._renew()
        path = f"/v1/supplies/{self.supply_ids[0]}"
        return [request("GET", path, token=buyer.access_token) for buyer in self.buyers]

    def claims(self, after: str) -> list[bytes]:
        """Requests for the claims of all orders after one, by their buyers."""
        self._renew()
        tokens = {buyer.user_id: buyer.access_token for buyer in self.buyers}
        found = self.ask("order", "SELECT id, user_id FROM orders WHERE id > :after AND status = 'paid'", after=after)
        return [
            request("POST", "/v1/claims", token=tokens[user_id], body=to_json({"order_id": order_id}))
            for order_id, user_id in found
        ]

    def burst(self, requests: Sequence[bytes], seconds: float = SETTLE_SECONDS, **more: Any) -> Played:
        """Send requests through the edge, each once. Raises RuntimeError unless they are answered by 201."""
        return self.generator.play(Load(self.port, requests, min(seconds, 100), once=True, **more)).only(201)

    def until_paid(self, after: str, count: int) -> None:
        """Wait until that many orders after one are paid. Raises TimeoutError."""
        self._until("order", COUNT_PAID, after, count)

    def until_settled(self, after: str, count: int) -> None:
        """Wait until they are paid, their units are sold and their claims open: all that a payment causes."""
        self.until_paid(after, count)
        self._until("claiming", COUNT_CLAIMS, after, count)
        self._until("supply", COUNT_SOLD, after, count)

    def until_completed(self, after: str, count: int) -> None:
        """Wait until they are claimed and redeemed on the chain."""
        self._until("order", COUNT_COMPLETED, after, count)

    def _until(self, service: str, sql: str, after: str, count: int) -> None:
        def look() -> int:
            return int(self.ask(service, sql, after=after)[0][0])

        until(look, lambda found: found >= count, SETTLE_SECONDS, POLL_SECONDS)

    def drain(self, after: str) -> None:
        """Wait until every order after one is settled, and a moment for what nobody waits for: notifications."""
        undecided = partial(self.ask, "order", COUNT_UNDECIDED, after=after)
        until(undecided, lambda found: found[0][0] == 0, SETTLE_SECONDS, POLL_SECONDS)
        count = self.ask("order", COUNT_PAID, after=after)[0][0]
        self.until_settled(after, count)
        time.sleep(0.5)

    def _order(self, buyer: ApiUser, supply_id: str) -> bytes:
        body = {"wallet_id": buyer.wallet_id, "items": [{"supply_id": supply_id, "quantity": 1}]}
        return request("POST", "/v1/orders", token=buyer.access_token, body=to_json(body), idempotency_key=fresh_key())

    def _renew(self) -> None:
        """Have every buyer refresh a token that is about to expire."""
        for buyer in self.buyers:
            buyer.request("GET", "/health")


@contextmanager
def open_shop(overrides: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """Start a stack on free ports, with buyers and supplies."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), free_ports=True, overrides=overrides) as stack,
        opened(stack) as shop,
    ):
        yield shop


@contextmanager
def opened(stack: Stack) -> Iterator[Shop]:
    """Bring buyers and supplies to a running stack."""
    with ExitStack() as closing:
        limits = httpx.Limits(max_connections=AT_ONCE)
        edge = closing.enter_context(httpx.Client(base_url=stack.edge_url, timeout=60, limits=limits))
        generator = closing.enter_context(Generator())
        merchant = ApiUser(edge).sign_in_with_retries()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            buyers = list(pool.map(lambda _: _buyer(edge), range(BUYERS)))
            supply_ids = list(pool.map(lambda number: _supply(merchant, number), range(SUPPLIES)))
        settings = read(stack.environment)
        services = ("order", "supply", "claiming", "wallet")
        databases = {service: superuser(stack, settings.database_name(service)) for service in services}
        counters = Counters(stack)
        closing.callback(counters.close)
        for connection in databases.values():
            closing.callback(connection.close)
        shop = Shop(stack, generator, counters, merchant, buyers, supply_ids, databases)
        warm_up(shop)
        yield shop


def warm_up(shop: Shop) -> None:
    """Have every process connect, import and prepare what an order needs.

    On a busy machine the first orders can take so long that they are refused, and circuit breakers open: try again.
    """
    before = shop.newest()
    for connections in range(1, WARM_UPS + 1):
        try:
            shop.burst(shop.orders(WARM_UP_ORDERS, SUPPLIES), connections=4 * connections)
        except RuntimeError:
            time.sleep(BREAKER_SECONDS)
    shop.drain(before)


def _buyer(edge: httpx.Client) -> ApiUser:
    buyer = ApiUser(edge).sign_in_with_retries()
    buyer.retrying.faucet(wallet_id=buyer.wallet_id, currency="USDC", amount=str(FUNDS))
    return buyer


def _supply(merchant: ApiUser, number: int) -> str:
    return merchant.retrying.create_supply(
        title=f"Bench {number + 1}", currency="USDC", unit_price=str(PRICE), quantity=UNITS, status="active"
    ).id
