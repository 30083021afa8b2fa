"""The ports of order operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, NewType, Protocol

import msgspec

from functions.order.domain.order import Order, Status
from functions.order.domain.placement import Line, Proof, Terms

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from functions.order.domain.events import OrderEvent, OrderPlaced
    from functions.order.domain.quote import Eligibility, Quote, SpendableBalance
    from functions.order.views import OrderEventView, OrderView
    from shared.contracts.operations import Caller
    from shared.errors import Refusal
    from shared.jobs.items import FailureStore

RefusalReason = tuple[str, str]
"""Why a service refuses: a stable code, and a human-readable detail."""

SHORT: Final = "SHORT"
"""The code of a refusal that is none yet: this cell is sold out, and other cells may have units."""

Proofs = Mapping[str, Proof]
"""By supply id: the proof that the paying address is on its allowlist."""

RequestHandle = NewType("RequestHandle", object)
"""A request, to an operation opaque: its idempotency key, and the id and trace that its events carry."""

Task = Literal["advance_orders", "expire_orders", "mature_orders"]
"""The sweeps that take due orders."""


class Occurrence(msgspec.Struct, frozen=True):
    """When an event of an order was recorded, and at which version of its stream."""

    at: datetime
    version: int


class NewOrder(msgspec.Struct, frozen=True):
    """An order to be placed for a request; with a quote, if that still holds for these lines at their present terms."""

    placed: OrderPlaced
    request: RequestHandle
    lines: Sequence[Line]
    quote: Quote | None = None


class OrderHistory(msgspec.Struct, frozen=True):
    """An order as the audit compares it: as it was placed, and when each later event was recorded, by event type.

    order: None if its stored `order.placed` cannot be decoded. restocked: whether it was refunded with its units put
    back on sale.
    """

    id: str
    order: Order | None
    facts: Mapping[str, Occurrence]
    restocked: bool


class ShownOrders(Protocol):
    """Orders, as callers may see them."""

    def show(self, order_id: str, caller: Caller) -> OrderView:
        """An order, for its buyer, its merchant or an operator. Raises NotFound, also for anybody else."""


class Orders(ShownOrders, Protocol):
    """Orders, within one transaction."""

    def place(self, placed: Sequence[OrderPlaced]) -> list[Order]:
        """Start the streams of orders with `order.placed`."""

    def use_quote(self, quote_id: str, order: Order) -> RefusalReason | None:
        """Mark a quote used by an order; the refusal if another order has used it."""

    def lock(self, order_id: str) -> Order:
        """An order folded from its events, locked against concurrent changes. Raises NotFound."""

    def lock_each(self, order_ids: Sequence[str]) -> list[Order]:
        """Orders by id, as `lock` does one. Raises NotFound if there is none of one of them."""

    def lock_all(self, known: Sequence[Order]) -> list[Order]:
        """Orders as they are now, locked; of one that has no event beyond what is known, nothing is read."""

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        """Append events to a locked order; one that decides a purchase or refund stores the response to its request."""

    def record_all(self, decided: Sequence[tuple[Order, Sequence[OrderEvent]]]) -> list[Order]:
        """Append events to locked orders, as `record` does to one; an order without any stays as it is."""

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        """Orders of a buyer or of a merchant, newest first, after an id."""

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        """The events of an order after a version, oldest first."""

    def histories(self, before: datetime | None, below: str, most: int) -> list[OrderHistory]:
        """Orders placed before a time (None: any), newest first, with ids below `below` (empty: any)."""

    def take(self, task: Task, most: int) -> list[str]:
        """The ids of orders that are due for a task; those that have waited longest first.

        Taking an order backs it off, longer each time, so that one that keeps failing does not block the rest. Each
        buyer's first order comes before any buyer's second.
        """


class Supply(Protocol):
    """The supply service."""

    def describe(self, supply_ids: Sequence[str], user_id: str, address: str, proofs: Proofs) -> dict[str, Terms]:
        """The terms of the supplies that a user may see, by id, if this address pays. Raises Unavailable."""

    def check(self, units: Mapping[str, int], user_id: str, address: str, proofs: Proofs) -> dict[str, Eligibility]:
        """Whether a user may buy so many units of each supply now, by id. Raises Unavailable."""

    def reserve(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        """Reserve all lines of each order, or none: its refusal, if any. Raises Unavailable if that is not known.

        It is refused as SHORT if it is sold out in this cell, and other cells may have more: see request_units.
        """

    def request_units(self, order: Order) -> bool:
        """Wait for units that an order is short of, for 300 ms at most. Returns whether reserving is worth a try.

        Raises Unavailable.
        """

    def release(self, order: Order) -> None:
        """Release all lines, leaving tombstones that refuse a late reservation. Raises Unavailable."""


class Wallet(Protocol):
    """The wallet service."""

    def address(self, wallet_id: str, owner: str) -> str:
        """The address of a user's wallet. Raises NotFound for an absent or another user's wallet; Unavailable."""

    def spendable(self, wallet_id: str, currency: str) -> SpendableBalance:
        """The available balance of an existing wallet. Raises Unavailable."""

    def hold(self, orders: Sequence[Order]) -> list[RefusalReason | None]:
        """Place a hold on the total of each order: its refusal, if any. Raises Unavailable if that is not known."""

    def release(self, order: Order) -> bool:
        """Release the hold, leaving a tombstone against a late one; False if it was captured. Raises Unavailable."""

    def refund(self, order: Order) -> None:
        """Pay the escrow back, once. Raises Unavailable; MeridianError if the merchant was paid, which is a defect."""


class Claiming(Protocol):
    """The claiming service."""

    def void(self, order: Order) -> bool:
        """Void a paid order's claim, so that it is never claimed; False if it already is. Raises Unavailable."""


class Quotes(Protocol):
    """Quotes in the signed form that clients send back."""

    def seal(self, quote: Quote) -> str:
        """A quote as a signed text that only this service can issue."""

    def open(self, sealed: str) -> Quote:
        """Verify and decode a sealed quote. Raises QuoteInvalid."""


class ShowingWork(Protocol):
    """The work of showing an order, outside any transaction, possibly from the cache."""

    shown: ShownOrders


class OrderWork(Protocol):
    """The work of one operation on orders, in one transaction."""

    orders: Orders
    matures_after: timedelta

    @property
    def failures(self) -> FailureStore:
        """The failures of this service's jobs, by item."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A new id in this cell."""


class KeyedWork(OrderWork, Protocol):
    """One transaction of a request that came with an idempotency key."""

    def lease_key(self, reference: str) -> None:
        """Lease the key to what the request starts. Raises KeyInUse if another request was first."""

    def lease_keys(self, requests: Mapping[str, RequestHandle]) -> set[str]:
        """Lease the keys of requests, by what each starts; returns those whose request was first, or has no key."""

    def attribute(self, requests: Mapping[str, RequestHandle]) -> None:
        """Have the events of these orders carry the id and trace of the request that each is of."""

    def keep_answer(self, answer: OrderView | Refusal) -> None:
        """Store the response to this request under its key, unless one is stored already."""


class PricingWork(Protocol):
    """The work of pricing an order."""

    supply: Supply
    wallet: Wallet

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A new id in this cell."""


class QuoteWork(PricingWork, Protocol):
    """The work of quoting, outside any transaction."""

    quotes: Quotes
    quote_ttl_seconds: int


class SagaWork(PricingWork, Protocol):
    """The work of a saga: several transactions, with calls to other services in between."""

    claiming: Claiming
    quotes: Quotes
    order_ttl_seconds: int
    answer_within_seconds: int
    payment_lag_seconds: int
    fee_bps: int

    @property
    def request(self) -> RequestHandle:
        """The request that this is the work of."""

    def transaction(self) -> AbstractContextManager[KeyedWork]:
        """The work of one transaction, committed at the end."""

    def payments_lag(self, by: timedelta) -> bool:
        """Whether the oldest payment that is on its way lags behind its order by more than this."""

    def grouped(self, begin: BeginOrders, order: NewOrder) -> Order:
        """Begin an order together with those that wait in this process for the same. Raises what it ends with."""

    def resumed(self) -> str | None:
        """What an earlier request with this idempotency key started; None for a new request.

        Raises KeyInUse while the earlier request may still be running.
        """

    def end_lease(self, reference: str) -> None:
        """End the lease, so that a retry with the same idempotency key may resume at once."""

    def pause(self, attempt: int) -> None:
        """Back off before the next attempt, longer each time."""


BeginOrders = Callable[[Sequence[NewOrder], SagaWork], Sequence[Order | Exception]]
"""Begins several orders: for each the order, or what its request ends with."""
