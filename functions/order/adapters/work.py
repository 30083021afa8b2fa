"""The work of an operation on orders: wires the adapters of its ports."""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, cast

import msgspec

from functions.order.adapters.clients import GrpcClaiming, GrpcSupply, GrpcWallet, buyers
from functions.order.adapters.postgres import SQL, PostgresOrders, answered
from functions.order.adapters.quotes import HmacQuotes
from functions.order.domain.order import RECONCILE_AFTER, Order
from functions.order.ports import BeginOrders, NewOrder, RequestHandle, SagaWork
from functions.order.views import OrderView
from shared.errors import Refusal
from shared.idempotency import Key, NewLease, SagaLease, end_lease, lease_all
from shared.resilience.group_commit import GroupCommit
from shared.telemetry.context import TraceContext, trace_context
from shared.unit_of_work import UnitOfWork

FIRST_PAUSE_SECONDS: Final = 0.05


class Handle(msgspec.Struct, frozen=True):
    """A request: its idempotency key, if it has one, and its trace."""

    key: Key | None
    trace: TraceContext


class OldestPayment(msgspec.Struct):
    """What a process knows of payments: since when the oldest one has been on its way."""

    at: datetime = datetime.min.replace(tzinfo=UTC)


class Work(UnitOfWork):
    """The work of one operation on orders."""

    @cached_property
    def orders(self) -> PostgresOrders:
        """Orders, within this transaction."""
        return PostgresOrders(self, self.matures_after, self._traces)

    @cached_property
    def _traces(self) -> dict[str, TraceContext]:
        """By order: the trace of the request that it is of."""
        return {}

    @property
    def shown(self) -> PostgresOrders:
        """Orders, as callers may see them."""
        return self.orders

    @cached_property
    def supply(self) -> GrpcSupply:
        """The supply service."""
        channel = self.resources.channel("supply", "order")
        return GrpcSupply(channel, self.resources.once("buyers to be told terms", lambda: buyers(channel)))

    @cached_property
    def wallet(self) -> GrpcWallet:
        """The wallet service."""
        return GrpcWallet(self.resources.channel("wallet", "order"))

    @cached_property
    def claiming(self) -> GrpcClaiming:
        """The claiming service."""
        return GrpcClaiming(self.resources.channel("claiming", "order"))

    @cached_property
    def quotes(self) -> HmacQuotes:
        """Signed quotes."""
        return HmacQuotes(self.settings.secret("quote_key"))

    @property
    def order_ttl_seconds(self) -> int:
        """How long an order may take from placed to confirmed."""
        return self.settings.order_ttl_seconds

    @property
    def answer_within_seconds(self) -> int:
        """How long a request waits for its order's outcome."""
        return self.settings.answer_within_seconds

    @property
    def payment_lag_seconds(self) -> int:
        """How long a payment may lag behind its order before new orders wait; 0 for any time."""
        return self.settings.payment_lag_seconds

    def payments_lag(self, by: timedelta) -> bool:
        known = self.resources.once("the oldest payment on its way", OldestPayment)
        # A lag grows no faster than time: of one that cannot have grown so much yet, nothing is read.
        if self.now() - known.at > by:
            known.at = self.oldest_payment()
        return self.now() - known.at > by

    def oldest_payment(self) -> datetime:
        """When the order was confirmed that has waited longest for its payment, as far as it is on its way, or now."""
        due = self.resources.database(self.service).read(lambda read: SQL.oldest_unpaid(read, now=self.now()))
        return min(self.now(), due - RECONCILE_AFTER) if due else self.now()

    @property
    def quote_ttl_seconds(self) -> int:
        """How long a quote is valid."""
        return self.settings.quote_ttl_seconds

    @property
    def matures_after(self) -> timedelta:
        """How long after its payment an order can be refunded."""
        return timedelta(seconds=self.settings.order_matures_after_seconds)

    @property
    def fee_bps(self) -> int:
        """The platform fee of a sale in basis points (hundredths of a percent)."""
        return self.settings.fee_bps

    def lease_key(self, reference: str) -> None:
        if self.key is not None:
            self.key.lease(self.current_transaction, reference, self.now())

    def lease_keys(self, requests: Mapping[str, RequestHandle]) -> set[str]:
        handles = {reference: cast(Handle, request) for reference, request in requests.items()}
        leases = [
            NewLease(handle.key, reference, handle.trace.request_id)
            for reference, handle in handles.items()
            if handle.key is not None
        ]
        leased = lease_all(self.current_transaction, leases, self.now()) if leases else set()
        return leased | {reference for reference, handle in handles.items() if handle.key is None}

    def attribute(self, requests: Mapping[str, RequestHandle]) -> None:
        self._traces.update((order_id, cast(Handle, request).trace) for order_id, request in requests.items())

    @property
    def request(self) -> RequestHandle:
        """The request that this is the work of."""
        return RequestHandle(Handle(self.key, trace_context()))

    def grouped(self, begin: BeginOrders, order: NewOrder) -> Order:
        def group() -> GroupCommit[NewOrder, Order]:
            return GroupCommit(lambda orders: begin(orders, cast(SagaWork, Work(self.resources, self.service))))

        return self.resources.once(f"group commit of {begin.__name__}", group).run(order)

    def keep_answer(self, answer: OrderView | Refusal) -> None:
        if self.key is not None:
            request_id, site = trace_context().request_id, self.settings.public_url
            kept = answered(self.key.operation, answer, request_id, site)
            self.key.keep(self.current_transaction, kept, self.now())

    def resumed(self) -> str | None:
        if self.key is None or self.key.found is None:
            return None
        with self.transaction() as work:
            known = self.key.found
            found = self.key.find(work.current_transaction, work.now()) if known == "unknown" else known
            return found.resume(work.current_transaction, work.now()) if isinstance(found, SagaLease) else None

    def end_lease(self, reference: str) -> None:
        with self.transaction() as work:
            end_lease(work.current_transaction, reference, work.now())

    def pause(self, attempt: int) -> None:
        time.sleep(min(1.0, FIRST_PAUSE_SECONDS * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter
