"""Isolated services: all services on databases and RPC hosts of their own in the stack; nothing publishes their events.

A test can order without paying, hold an event back or deliver it many times, and move the clock, without the rest of
the stack noticing. What runs is production code over real PostgreSQL and gRPC; no stores or clients are replaced.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, cast
from unittest.mock import patch

import grpc
import msgspec
from msgspec import structs
from pg8000.native import Connection, identifier

import functions.order.adapters.work
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.secrets import read as read_secret
from emulators.stack.stack import Stack
from emulators.waiting import until
from functions import main
from functions.identity.domain.users import EVERYONE
from functions.order.domain.events import OrderEvent
from functions.order.domain.order import Order
from functions.order.domain.placement import Line, place
from functions.supply.requests import CreateSupply
from functions.supply.views import SupplyView
from functions.wallet.create_wallet import CreateWallet
from functions.wallet.faucet import Faucet
from shared import ids
from shared.chain.ethereum import checksum_address
from shared.config import Settings, read
from shared.contracts.events import StoredEvent, decode_event
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.contracts.gen.wallet_pb2 import OpenDefaultRequest, OpenDefaultResponse
from shared.contracts.invariants import named
from shared.contracts.operations import EPOCH, Caller
from shared.money import Amount, Currency
from shared.outbox.addressing import prior
from shared.outbox.batch import BatchInbox
from shared.outbox.inbox import ReceiveOutcome
from shared.outbox.log import SQL
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.postgres.migrations import migrate
from shared.registry import load
from shared.resources import Resources
from shared.rpc.channel import RpcChannel
from shared.runtime.binding import BoundOperation
from shared.runtime.receiver import inbox
from shared.runtime.rpc import server
from shared.runtime.rpc_caller import claimed_caller
from tests.clocks import ShiftedClock
from tests.database_probe import DatabaseProbe

SERVICES: Final = tuple(name for name, service in load().services.items() if service.database)
TTL: Final = timedelta(minutes=15)

BY_WORKERS: Final = ("events_are_applied", "_do_not_wait")
"""Invariants about how long something waits: relays and schedules keep them, and isolated services have neither."""


@dataclass(frozen=True)
class IsolatedUser:
    """A user of isolated services, with a wallet."""

    wallet_id: str
    address: str
    user_id: str = field(default_factory=lambda: ids.new("usr", "us"))

    @property
    def caller(self) -> Caller:
        """The caller of an operation, for this user."""
        return Caller(self.user_id, ids.new("ses", "us"), frozenset([*EVERYONE, "supply:write"]))


def traced(event: StoredEvent, number: int) -> StoredEvent:
    """The event as of a request of its own."""
    trail = {"request_id": f"request-{number}", "traceparent": f"00-{number:032x}-{number:016x}-01"}
    return msgspec.structs.replace(event, metadata=trail)


class OwnDatabases(Settings, frozen=True, eq=False):
    """Settings of the stack's cell with other databases than the stack's."""

    suffix: str

    @classmethod
    def of(cls, settings: Settings, suffix: str) -> Self:
        """These settings, with databases named by a suffix in place of the cell."""
        return cls(**{name: getattr(settings, name) for name in Settings.__struct_fields__}, suffix=suffix)

    def database_name(self, service: str) -> str:
        return f"{service}_{self.suffix}"


class MovingClock:
    """The machine's clock, which a test may advance."""

    def __init__(self) -> None:
        self.shifted = ShiftedClock(timedelta())

    def now(self) -> datetime:
        return self.shifted.now()


class IsolatedServices:
    """All services with a database, isolated from the stack's, and what tests do with them."""

    def __init__(self, settings: Settings, superuser_password: str) -> None:
        """
        settings: those of the stack, whose PostgreSQL and secrets are shared, or of another cell on the same server.
        superuser_password: PostgreSQL's, to create the databases.
        """
        self._addresses = dict(settings.rpc_addresses)
        self._password = superuser_password
        self._servers: list[grpc.Server] = []
        self._clock = MovingClock()
        self._binding = threading.Lock()  # concurrent calls must not undo each other's patch
        # Nothing delivers events here: orders would wait for payments that never come. Nor has it a keeper.
        shared = structs.replace(settings, rpc_addresses=self._addresses, payment_lag_seconds=0, cell_leases=False)
        self.settings = OwnDatabases.of(shared, f"isolated_{secrets.token_hex(4)}")
        self.resources = Resources(self.settings, self._clock)
        self.probe = DatabaseProbe(self.resources)

    @classmethod
    def within(cls, stack: Stack, cell: str = "us") -> "IsolatedServices":
        """New isolated services in a running stack. cell: the one that they serve, in its region."""
        settings = structs.replace(read(stack.environment), cell=cell, region=load().cells[cell])
        return cls(settings, read_secret(stack.layout.secrets, "postgres.password"))

    # Lifecycle

    def __enter__(self) -> Self:
        self._create_databases()
        for service in SERVICES:
            self._begin_at_present(service)
            self._serve(service)
        return self

    def _create_databases(self) -> None:
        """Copy databases that are migrated once for each stack: to migrate them every time takes seconds."""
        template = structs.replace(self.settings, suffix="template")
        with self.superuser() as connection:
            connection.run("SELECT pg_advisory_lock(hashtext('template databases'))")  # until it is closed
            known = {name for (name,) in connection.run("SELECT datname FROM pg_database")}
            for service in SERVICES:
                source, owner = template.database_name(service), identifier(f"{service}_owner")
                if source not in known:
                    connection.run(f"CREATE DATABASE {identifier(source)} OWNER {owner}")
                    migrate(service, template)
            self._for_every_service(
                lambda service: (
                    f"CREATE DATABASE {identifier(self.settings.database_name(service))} "
                    f"TEMPLATE {identifier(template.database_name(service))} OWNER {identifier(f'{service}_owner')}"
                )
            )

    def _for_every_service(self, statement: Callable[[str], str]) -> None:
        """Run a statement of the server for every service, all at once: each waits for the disk."""

        def run(service: str) -> None:
            with self.superuser() as connection:
                connection.run(statement(service))

        with ThreadPoolExecutor(len(SERVICES)) as pool:
            list(pool.map(run, SERVICES))

    def _begin_at_present(self, service: str) -> None:
        """Firestore is shared with the stack: read its events from now on only, as older ones are the stack's."""
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
        self._for_every_service(
            lambda service: f"DROP DATABASE {identifier(self.settings.database_name(service))} WITH (FORCE)"
        )

    def _serve(self, service: str) -> None:
        bounds = [self.bound(row.name, host=service) for row in load().hosted_rpcs(service)]
        serving, port = server(bounds, 0, "127.0.0.1", claimed_caller, cell=self.settings.cell)
        serving.start()
        self._servers.append(serving)
        self._addresses[service] = f"127.0.0.1:{port}"

    @contextmanager
    def superuser(self, service: str | None = None) -> Iterator[Connection]:
        """A superuser's connection, to the database of one of these services or to the server's own."""
        connection = Connection(
            SUPERUSER,
            host=self.settings.database_host,
            port=self.settings.database_port,
            database=self.settings.database_name(service) if service else "postgres",
            password=self._password,
            ssl_context=False,
        )
        try:
            yield connection
        finally:
            connection.close()

    # Operations and RPCs

    def bound(self, name: str, host: str | None = None) -> BoundOperation:
        """The operation of a registry row, bound to these services' resources."""
        row = load().rows[name]
        with self._binding, patch.object(main, "resources", lambda: self.resources):
            return main.bind(row, host=host if row.hosts else None)

    def run(self, name: str, **given: Any) -> Any:
        """Run an operation in the transaction of its row: with a request and a caller, or as a job."""
        return self.bound(name).run(**given)

    def rpc(self, service: str, caller: str) -> RpcChannel:
        """A channel to a service's RPC host on behalf of another."""
        return self.resources.channel(service, caller)

    def meet(self, other: "IsolatedServices") -> None:
        """Let these services call those of another cell."""
        cell, addresses = other.settings.cell, other.settings.rpc_addresses
        self._addresses.update({f"{service}@{cell}": addresses[service] for service in SERVICES})

    @contextmanager
    def apart(self, cell: str) -> Iterator[None]:
        """A block in which the RPC hosts of another cell cannot be called: nobody says where they are."""
        known = {name: address for name, address in self._addresses.items() if name.partition("@")[2] == cell}
        nowhere = dict.fromkeys(known, "127.0.0.1:1")
        self._addresses.update(nowhere)
        try:
            yield
        finally:
            self._addresses.update(known)

    def route(self, name: str, address: str) -> None:
        """Have a service be reached at an address, such as that of another cell: `supply@eu`."""
        self._addresses[name] = address

    @contextmanager
    def later(self, by: timedelta) -> Iterator[None]:
        """A block in which the services' clock is ahead."""
        self._clock.shifted = ShiftedClock(by)
        try:
            yield
        finally:
            self._clock.shifted = ShiftedClock(timedelta())

    # Events

    def stream(self, stream: str) -> list[StoredEvent]:
        """The events of a stream, from the service that owns it."""
        return next((found for service in SERVICES if (found := self.probe.stream(service, stream))), [])

    def receive(self, consumer: str, event: StoredEvent) -> ReceiveOutcome:
        """Deliver one event to a consumer, as the relay addresses it. Raises what has Pub/Sub redeliver it."""
        return self._inbox(consumer).receive(self._addressed(consumer, event))

    def receive_together(self, consumer: str, events: Sequence[StoredEvent]) -> Sequence[ReceiveOutcome] | None:
        """Deliver events in one batch; None if it was not applied."""
        return self._inbox(consumer).receive_batch([self._addressed(consumer, event) for event in events])

    def _inbox(self, consumer: str) -> BatchInbox:
        return inbox(self.bound(consumer), self._clock, self.resources.settings.cell)

    def _addressed(self, consumer: str, event: StoredEvent) -> StoredEvent:
        """An event as the relay addresses it to a consumer."""
        before = [each.type for each in reversed(self.stream(event.stream)) if each.version < event.version]
        if event.prior is None and len(before) == event.version - 1:
            return msgspec.structs.replace(event, prior=prior(load().rows[consumer].event or (), event.version, before))
        return event

    @contextmanager
    def waiting_for(self, service: str, sql: str, **parameters: Any) -> Iterator[Callable[[], None]]:
        """A transaction that holds what a statement locks; yields a call that waits until somebody waits for it."""
        blocked = """SELECT count(*) AS waiting FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'"""

        def until_blocked() -> None:
            until(lambda: self.probe.rows(service, blocked)[0]["waiting"], bool)

        with self.resources.database(service).transaction() as transaction:
            transaction.run(sql, parameters)
            yield until_blocked

    def receive_while_locked(
        self, consumer: str, events: Sequence[StoredEvent], lock: str, first: str, second: str
    ) -> Sequence[ReceiveOutcome] | None:
        """Deliver events in one batch while somebody holds what `lock` locks by the id `first`.

        Raises if the batch, which waits for that, holds what others lock after it: the same by the id `second`.
        """
        service = load().rows[consumer].service
        with ThreadPoolExecutor(1) as pool:
            with self.waiting_for(service, lock, id=first) as until_blocked:
                received = pool.submit(self.receive_together, consumer, events)
                until_blocked()
                with self.resources.database(service).transaction() as transaction:
                    transaction.run(f"{lock} NOWAIT", {"id": second})
            return received.result()

    def handle(self, consumer: str, event: StoredEvent) -> None:
        """Call a consumer's operation with an event, bypassing its inbox."""
        self.run(consumer, event=decode_event(event))

    def deliver(self, consumer: str, stream: str) -> list[ReceiveOutcome]:
        """Deliver a stream to a consumer, in order: the events it handles. Returns what it did with each."""
        handled = load().rows[consumer].event or ()
        return [self.receive(consumer, event) for event in self.stream(stream) if event.type in handled]

    # Users

    def new_user(self, **funds: int) -> IsolatedUser:
        """A new user with funds in their wallet, as in `new_user(USDC=1000)`."""
        user_id = ids.new("usr", self.settings.cell)
        address = checksum_address("0x" + secrets.token_hex(20))
        request = OpenDefaultRequest(user_id=user_id, address=address, chain_id=31337)
        wallet_id = self.rpc("wallet", "identity").call("Wallet.OpenDefault", request, OpenDefaultResponse).wallet_id
        somebody = IsolatedUser(wallet_id, address, user_id)
        for currency, amount in funds.items():
            self.fund(somebody, amount, currency)
        return somebody

    def spare(self, somebody: IsolatedUser) -> IsolatedUser:
        """The same user with a further wallet."""
        decode_event = self.run("create_wallet", request=CreateWallet("Spare"), caller=somebody.caller)
        return replace(somebody, wallet_id=decode_event.id)

    def fund(self, somebody: IsolatedUser, amount: int, currency: str = "USDC") -> None:
        """Fund a wallet from the faucet. Raises BalanceOverflow."""
        self.run(
            "faucet",
            request=Faucet(somebody.wallet_id, cast(Currency, currency), Amount(amount)),
            caller=somebody.caller,
        )

    def sell(self, merchant: IsolatedUser, **terms: Any) -> SupplyView:
        """Put a supply on sale; terms override the defaults."""
        defaults = {"title": "A thing", "currency": "USDC", "unit_price": Amount(1000), "quantity": 10}
        request = CreateSupply(**{**defaults, "status": "active", **terms})
        supply: SupplyView = self.run("create_supply", request=request, caller=merchant.caller)
        return supply

    # Orders, step by step

    @property
    def orders(self) -> "functions.order.adapters.work.Work":
        """The order service's unit of work, with its clients of the other services."""
        return functions.order.adapters.work.Work(self.resources, "order")

    def place(self, buyer: IsolatedUser, *lines: tuple[SupplyView, int], ttl: timedelta = TTL) -> Order:
        """Place an order, with nothing reserved or held yet."""
        work = self.orders
        terms = work.supply.describe([supply.id for supply, _ in lines], buyer.user_id, buyer.address, {})
        chosen = [Line(work.new_id("itm"), terms[supply.id], quantity) for supply, quantity in lines]
        order_id, expires_at = work.new_id("ord"), datetime.now(UTC) + ttl
        placed = place(order_id, buyer.user_id, buyer.wallet_id, buyer.address, chosen, work.fee_bps, expires_at)
        with work.transaction() as t1:
            return t1.orders.place([placed])[0]

    def confirm(self, order: Order) -> Order:
        """Reserve stock, hold funds and confirm the order (T2). Raises AssertionError for a refusal."""
        assert self.orders.supply.reserve([order])[0] is None
        assert not order.hold_id or self.orders.wallet.hold([order])[0] is None
        return self.record(order, order.confirm())

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        """Record events of the test's choice."""
        with self.orders.transaction() as work:
            return work.orders.record(work.orders.lock(order.id), facts)

    def buy(self, buyer: IsolatedUser, *lines: tuple[SupplyView, int]) -> Order:
        """Place, confirm and pay an order; its events have not reached supply and claiming."""
        order = self.confirm(self.place(buyer, *lines))
        self.deliver("capture_hold", order.id)
        self.deliver("record_payment", order.hold_id)
        with self.orders.transaction() as work:
            return work.orders.lock(order.id)

    @staticmethod
    def reservations_of(order: Order) -> list[str]:
        """The ids of an order's reservations, line by line."""
        return [ids.sibling(item.item_id, "rsv") for item in order.items]

    # Faults

    def tamper(self, service: str, sql: str, **parameters: Any) -> None:
        """Change one row directly, with the rights of the owner of a service's tables."""
        connect = connector(self.settings, service, f"{service}_owner")
        database = Database(connect, self.resources.breaker("database", f"{service} owner", 1))
        with database.transaction() as transaction:
            assert transaction.count(sql, parameters) == 1
        database.close()

    def failing(self, service: str, job: str) -> list[str]:
        """The failing items of a service's job."""
        sql = "SELECT item FROM job_failures WHERE job = :job ORDER BY item"
        return [row["item"] for row in self.probe.rows(service, sql, job=job)]

    # Invariants

    def violations(self) -> list[str]:
        """The violated invariants of all services."""
        found = []
        for service in SERVICES:
            response = self.rpc(service, "platform").call("Audit.Check", CheckRequest(), CheckResponse)
            counted = [each for each in response.violations if not named(each.invariant, BY_WORKERS)]
            found += [f"{v.invariant}: {v.subject} {v.detail}" for v in counted]
        return found
