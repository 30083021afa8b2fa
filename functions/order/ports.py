"""What order operations may ask for."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Status
from functions.order.domain.placing import Terms
from functions.order.views import OrderEventView, OrderView
from shared.contracts.operations import Caller

Refusal = tuple[str, str]
"""Why a service refuses: a stable code, and a detail for people."""


class Orders(Protocol):
    """Orders, as one transaction sees them."""

    def place(self, placed: OrderPlaced) -> Order:
        """Begin an order."""

    def lock(self, order_id: str) -> Order:
        """An order folded from its events, held against change by others. Raises NotFound."""

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        """Append facts to a locked order; the first that ends its pending state stores the answer to its request."""

    def show(self, order_id: str, caller: Caller) -> OrderView:
        """An order to its buyer, its merchant or an operator. Raises NotFound, also for others."""

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        """Orders of a buyer or of a merchant, newest first, after an id."""

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        """The facts of an order after a version, oldest first."""

    def paid(self, before: datetime, after: str, most: int) -> dict[str, int]:
        """The totals of orders that were paid before a time, in the order of their ids, after one."""

    def expired(self, now: datetime, most: int) -> list[str]:
        """Orders past their time without an outcome, by id."""

    def stranded(self, before: datetime, most: int) -> list[str]:
        """Orders placed before a time that are still without an outcome, by id."""


class Supply(Protocol):
    """What the supply service is asked."""

    def describe(self, supply_ids: Sequence[str], user_id: str) -> dict[str, Terms]:
        """The terms of supplies that a user may see, by id. Raises Unavailable."""

    def reserve(self, order: Order) -> Refusal | None:
        """Reserve all lines; the refusal, if any. Raises Unavailable when the outcome is not known."""

    def release(self, order: Order) -> None:
        """Give the lines back, and refuse them for ever. Raises Unavailable."""


class Wallet(Protocol):
    """What the wallet service is asked."""

    def address(self, wallet_id: str, owner: str) -> str:
        """The address of a user's wallet. Raises NotFound for an absent or another's wallet; Unavailable."""

    def hold(self, order: Order) -> Refusal | None:
        """Set the total aside; the refusal, if any. Raises Unavailable when the outcome is not known."""

    def release(self, order: Order) -> bool:
        """Give the hold back, and refuse it for ever; False when it was captured. Raises Unavailable."""


class OrderWork(Protocol):
    """The work of one operation on orders, in one transaction."""

    orders: Orders

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""


class PlacingWork(OrderWork, Protocol):
    """The transaction that places an order."""

    def lease_key(self, order_id: str) -> None:
        """Bind the request's idempotency key to the order. Raises KeyInUse when another request was first."""


class SagaWork(Protocol):
    """The work of a saga: transactions of its own, with calls to other services in between."""

    supply: Supply
    wallet: Wallet
    order_ttl_seconds: int
    answer_within_seconds: int
    fee_bps: int

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""

    def transaction(self) -> AbstractContextManager[PlacingWork]:
        """Work of its own transaction, committed at the end."""

    def resumed(self) -> str | None:
        """The order that this request's idempotency key began before; None for a new request.

        Raises KeyInUse while the request that began it may still be at work.
        """

    def end_lease(self, order_id: str) -> None:
        """Let the same idempotency key resume at once."""

    def pause(self, attempt: int) -> None:
        """Wait a moment before the next try, longer each time."""
