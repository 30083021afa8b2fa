"""An island: the services on databases and RPC hosts of their own in the stack, whose events nobody publishes.

There a test orders without paying, holds an event back or delivers it many times, and moves the clock, and no part of
the stack hears of it. What runs is production code, over real PostgreSQL and gRPC; no stores or clients are replaced.
"""

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, cast
from unittest.mock import patch

import grpc
from pg8000.native import Connection, identifier

import functions.order.store
from emulators.postgres import SUPERUSER
from emulators.secrets import read as read_secret
from emulators.stack import Stack
from functions import main
from functions.identity.domain.users import EVERYONE
from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from functions.order.domain.placing import Line, place
from functions.supply.create_supply import CreateSupply
from functions.supply.views import SupplyView
from functions.wallet.create_wallet import CreateWallet
from functions.wallet.faucet import Faucet
from shared import ids
from shared.adapters.connect import connector
from shared.adapters.ethereum import checksum_address
from shared.adapters.migrations import migrate
from shared.adapters.postgres import Database
from shared.adapters.resources import Resources
from shared.adapters.rpc import RpcChannel
from shared.config import Settings, read
from shared.contracts.events import StoredEvent, opened
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.contracts.operations import EPOCH, Caller
from shared.money import Amount, Currency
from shared.outbox.inbox import Received
from shared.outbox.log import SQL
from shared.registry import load
from shared.runtime.binding import Bound
from shared.runtime.calling import as_told
from shared.runtime.event import inbox
from shared.runtime.rpc import server
from tests.books import Books
from tests.clocks import ShiftedClock

SERVICES: Final = tuple(name for name, service in load().services.items() if service.database)
TTL: Final = timedelta(minutes=15)

BY_WORKERS: Final = ("events_are_applied", "_do_not_wait")
"""Invariants that are kept by relays and schedules, which an island has none of: they ask how long something waits."""


@dataclass(frozen=True)
class Islander:
    """A user with a wallet on the island."""

    wallet_id: str
    address: str
    user_id: str = field(default_factory=lambda: ids.new("usr", "us"))

    @property
    def caller(self) -> Caller:
        """Who calls an operation for them."""
        return Caller(self.user_id, ids.new("ses", "us"), frozenset([*EVERYONE, "supply:write"]))


class MovingClock:
    """The machine's clock, and a test's way to the future."""

    def __init__(self) -> None:
        self.shifted = ShiftedClock(timedelta())

    def now(self) -> datetime:
        return self.shifted.now()


class Island:
    """The services of an island, and what tests do with them."""

    def __init__(self, settings: Settings, superuser_password: str) -> None:
        """
        settings: those of the stack, whose PostgreSQL and secrets the island shares.
        superuser_password: PostgreSQL's, by which databases are made.
        """
        self._addresses = dict(settings.rpc_addresses)
        self._password = superuser_password
        self._servers: list[grpc.Server] = []
        self._clock = MovingClock()
        self._binding = threading.Lock()  # a race of a test's must not undo the patch for one another
        region = f"island-{secrets.token_hex(4)}"
        self.settings = replace(settings, region=region, rpc_addresses=self._addresses)
        self.resources = Resources(self.settings, self._clock)
        self.books = Books(self.resources)

    @classmethod
    def off(cls, stack: Stack) -> "Island":
        """A new island in a running stack."""
        return cls(read(stack.environment), read_secret(stack.layout.secrets, "postgres.password"))

    # Its life

    def __enter__(self) -> Self:
        with self.superuser() as connection:
            for service in SERVICES:
                database, owner = identifier(self.settings.database_name(service)), identifier(f"{service}_owner")
                connection.run(f"CREATE DATABASE {database} OWNER {owner}")
        for service in SERVICES:
            migrate(service, self.settings)
            self._begin_at_present(service)
            self._serve(service)
        return self

    def _begin_at_present(self, service: str) -> None:
        """Firestore is the stack's: what it has recorded before is none of the island's, nor is it looked for here."""
        now = (datetime.now(UTC) - EPOCH) // timedelta(microseconds=1)
        rows = [row for row in load().event_rows() if row.service == service]
        shared = {(row.name, source) for row in rows for source in map(load().owner_of, row.event or ())}
        with self.resources.database(service).transaction() as transaction:
            for consumer, source in shared:
                if load().services[source].outbox == "firestore":
                    SQL.note_compared(transaction, consumer=consumer, source=source, position=now)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for serving in self._servers:
            serving.stop(grace=1).wait()
        with self.superuser() as connection:
            for service in SERVICES:
                database = identifier(self.settings.database_name(service))
                connection.run(f"DROP DATABASE {database} WITH (FORCE)")

    def _serve(self, service: str) -> None:
        bounds = [self.bound(row.name, host=service) for row in load().hosted_rpcs(service)]
        serving, port = server(bounds, 0, "127.0.0.1", as_told)
        serving.start()
        self._servers.append(serving)
        self._addresses[service] = f"127.0.0.1:{port}"

    @contextmanager
    def superuser(self, service: str | None = None) -> Iterator[Connection]:
        """A connection with all rights, to a service's database of the island or to the server's own."""
        connection = Connection(
            SUPERUSER,
            host=self.settings.database_host,
            port=self.settings.database_port,
            database=self.settings.database_name(service) if service else "postgres",
            password=self._password,
        )
        try:
            yield connection
        finally:
            connection.close()

    # How it is reached

    def bound(self, name: str, host: str | None = None) -> Bound:
        """The operation of a row, at work on the island."""
        row = load().rows[name]
        with self._binding, patch.object(main, "resources", lambda: self.resources):
            return main.bind(row, host=host if row.hosts else None)

    def run(self, name: str, **given: Any) -> Any:
        """Run an operation in the transaction that its row asks for: with a request and a caller, or as a schedule."""
        return self.bound(name).run(**given)

    def rpc(self, service: str, caller: str) -> RpcChannel:
        """A channel to a service's RPC host on behalf of another."""
        return self.resources.channel(service, caller)

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        """A time in which the island's clock is ahead."""
        self._clock.shifted = ShiftedClock(by)
        try:
            yield
        finally:
            self._clock.shifted = ShiftedClock(timedelta())

    # Events

    def stream(self, stream: str) -> list[StoredEvent]:
        """The events of a stream, from whichever service has it."""
        return next((found for service in SERVICES if (found := self.books.stream(service, stream))), [])

    def receive(self, consumer: str, event: StoredEvent) -> Received:
        """Deliver one event to a consumer. Raises what makes Pub/Sub deliver it again."""
        return inbox(self.bound(consumer), self._clock).receive(event)

    def handle(self, consumer: str, event: StoredEvent) -> None:
        """Call a consumer's operation with an event that its inbox does not remember."""
        self.run(consumer, event=opened(event))

    def deliver(self, consumer: str, stream: str) -> list[Received]:
        """Deliver all of a stream to a consumer, in order; what it did with each."""
        return [self.receive(consumer, event) for event in self.stream(stream)]

    # What people do

    def islander(self, **funds: int) -> Islander:
        """Somebody new with so much in their wallet, as in `islander(USDC=1000)`."""
        user_id = ids.new("usr", "us")
        address = checksum_address("0x" + secrets.token_hex(20))
        request = OpenDefaultRequest(user_id=user_id, address=address, chain_id=31337)
        wallet_id = self.rpc("wallet", "identity").call("Wallet.OpenDefault", request, OpenDefaultResponse).wallet_id
        somebody = Islander(wallet_id, address, user_id)
        for currency, amount in funds.items():
            self.fund(somebody, amount, currency)
        return somebody

    def spare(self, somebody: Islander) -> Islander:
        """The same user with a further wallet."""
        opened = self.run("create_wallet", request=CreateWallet("Spare"), caller=somebody.caller)
        return replace(somebody, wallet_id=opened.id)

    def fund(self, somebody: Islander, amount: int, currency: str = "USDC") -> None:
        """Give from the faucet. Raises BalanceOverflow."""
        self.run(
            "faucet",
            request=Faucet(somebody.wallet_id, cast(Currency, currency), Amount(amount)),
            caller=somebody.caller,
        )

    def sell(self, merchant: Islander, **terms: Any) -> SupplyView:
        """Put a supply on sale; what is given goes before the defaults."""
        defaults = {"title": "A thing", "currency": "USDC", "unit_price": Amount(1000), "quantity": 10}
        request = CreateSupply(**{**defaults, "status": "active", **terms})
        supply: SupplyView = self.run("create_supply", request=request, caller=merchant.caller)
        return supply

    # Orders, step by step

    @property
    def orders(self) -> "functions.order.store.Work":
        """The order service's work, with its clients of the others."""
        return functions.order.store.Work(self.resources, "order")

    def place(self, buyer: Islander, *lines: tuple[SupplyView, int], ttl: timedelta = TTL) -> Order:
        """An order that is placed, and for which nothing is reserved or held yet."""
        work = self.orders
        terms = work.supply.describe([supply.id for supply, _ in lines], buyer.user_id, buyer.address, {})
        wanted = [Line(work.new_id("itm"), terms[supply.id], quantity) for supply, quantity in lines]
        order_id, expires_at = work.new_id("ord"), datetime.now(UTC) + ttl
        placed = place(order_id, buyer.user_id, buyer.wallet_id, buyer.address, wanted, work.fee_bps, expires_at)
        with work.transaction() as t1:
            return t1.orders.place(placed)

    def confirm(self, order: Order) -> Order:
        """The order after its stock was reserved, its funds held, and T2. Raises AssertionError for a refusal."""
        assert self.orders.supply.reserve(order) is None
        assert not order.hold_id or self.orders.wallet.hold(order) is None
        return self.record(order, order.confirm())

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        """The order after facts that the test makes up."""
        with self.orders.transaction() as work:
            return work.orders.record(work.orders.lock(order.id), facts)

    def buy(self, buyer: Islander, *lines: tuple[SupplyView, int]) -> Order:
        """An order that is confirmed, captured and paid; supply and claiming have not heard of it."""
        order = self.confirm(self.place(buyer, *lines))
        self.deliver("capture_hold", order.id)
        self.deliver("record_payment", order.hold_id)
        with self.orders.transaction() as work:
            return work.orders.lock(order.id)

    @staticmethod
    def reservations_of(order: Order) -> list[str]:
        """The ids of an order's reservations, line by line."""
        return [ids.sibling(item.item_id, "rsv") for item in order.items]

    # What goes wrong

    def tamper(self, service: str, sql: str, **parameters: Any) -> None:
        """Change one row behind a service's back, with the rights of the owner of its tables."""
        connect = connector(self.settings, service, f"{service}_owner")
        database = Database(connect, self.resources.breaker("database", f"{service} owner", 1))
        with database.transaction() as transaction:
            assert transaction.count(sql, parameters) == 1
        database.close()

    def failing(self, service: str, job: str) -> list[str]:
        """The items that a job of a service fails at."""
        sql = "SELECT item FROM job_failures WHERE job = :job ORDER BY item"
        return [row["item"] for row in self.books.rows(service, sql, job=job)]

    # What must hold

    def violations(self) -> list[str]:
        """What breaks an invariant in any of the services."""
        found = []
        for service in SERVICES:
            response = self.rpc(service, "platform").call("Audit.Check", CheckRequest(), CheckResponse)
            told = [violation for violation in response.violations if not violation.invariant.endswith(BY_WORKERS)]
            found += [f"{v.invariant}: {v.subject} {v.detail}" for v in told]
        return found
