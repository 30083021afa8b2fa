"""What order operations may ask for."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Status
from functions.order.domain.placing import Proof, Terms
from functions.order.domain.quoting import Purse, Quote, Verdict
from functions.order.views import OrderEventView, OrderView
from shared.contracts.operations import Caller
from shared.errors import Refusal
from shared.jobs.items import Failures

Refused = tuple[str, str]
"""Why a service refuses: a stable code, and a detail for people."""

Proofs = Mapping[str, Proof]
"""By supply: that the address which pays is on its allowlist."""

Task = Literal["advance_orders", "expire_orders", "mature_orders"]
"""What there may be to do for orders whose time has come."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something became of an order, and the version of its stream that says so."""

    at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class History:
    """An order as auditors compare it: as it was placed, and when what became of it, by the types of its facts.

    order: None where what is stored of it could not be placed. restocked: whether it was refunded, and its units were
    to be sold again.
    """

    id: str
    order: Order | None
    facts: Mapping[str, Moment]
    restocked: bool


class ShownOrders(Protocol):
    """Orders, as their people may see them."""

    def show(self, order_id: str, caller: Caller) -> OrderView:
        """An order to its buyer, its merchant or an operator. Raises NotFound, also for others."""


class Orders(ShownOrders, Protocol):
    """Orders, as one transaction sees them."""

    def place(self, placed: OrderPlaced) -> Order:
        """Begin an order."""

    def use_quote(self, quote_id: str, order: Order) -> Refused | None:
        """Use a quote for an order that is placed with it; the refusal when another order has used it."""

    def lock(self, order_id: str) -> Order:
        """An order folded from its events, held against change by others. Raises NotFound."""

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        """Append facts to a locked order; what decides a purchase or a refund stores the answer to its request."""

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        """Orders of a buyer or of a merchant, newest first, after an id."""

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        """The facts of an order after a version, oldest first."""

    def histories(self, before: datetime | None, below: str, most: int) -> list[History]:
        """Orders, or those placed before a time, the newest first, with ids below one; an empty one is none."""

    def take(self, task: Task, most: int) -> list[str]:
        """Orders for which there is something to do now, by id; those that wait longest first.

        They are put off as they are taken, longer each time: what cannot be done does not stand before the rest. Each
        buyer's first comes before anybody's second.
        """


class Supply(Protocol):
    """What the supply service is asked."""

    def describe(self, supply_ids: Sequence[str], user_id: str, address: str, proofs: Proofs) -> dict[str, Terms]:
        """The terms of supplies that a user may see, by id, if this address pays. Raises Unavailable."""

    def check(self, units: Mapping[str, int], user_id: str, address: str, proofs: Proofs) -> dict[str, Verdict]:
        """Whether a user may have so many units of supplies now, by id. Raises Unavailable."""

    def reserve(self, order: Order) -> Refused | None:
        """Reserve all lines; the refusal, if any. Raises Unavailable when the outcome is not known."""

    def release(self, order: Order) -> None:
        """Give the lines back, and refuse them for ever. Raises Unavailable."""


class Wallet(Protocol):
    """What the wallet service is asked."""

    def address(self, wallet_id: str, owner: str) -> str:
        """The address of a user's wallet. Raises NotFound for an absent or another's wallet; Unavailable."""

    def purse(self, wallet_id: str, currency: str) -> Purse:
        """What there is to spend in a wallet that is known. Raises Unavailable."""

    def hold(self, order: Order) -> Refused | None:
        """Set the total aside; the refusal, if any. Raises Unavailable when the outcome is not known."""

    def release(self, order: Order) -> bool:
        """Give the hold back, and refuse it for ever; False when it was captured. Raises Unavailable."""

    def refund(self, order: Order) -> None:
        """Pay the order's escrow back, once. Raises Unavailable; MeridianError when the merchant was paid: a defect."""


class Claiming(Protocol):
    """What the claiming service is asked."""

    def void(self, order: Order) -> bool:
        """See to it that a paid order is never claimed; False when it is already. Raises Unavailable."""


class Quotes(Protocol):
    """Quotes, as clients carry them."""

    def seal(self, quote: Quote) -> str:
        """A quote as a text that only this house can write."""

    def open(self, sealed: str) -> Quote:
        """What was sealed. Raises QuoteInvalid for anything else."""


class ShowingWork(Protocol):
    """The work of showing an order, in no transaction: what is shown is as new as anything its user was told of."""

    shown: ShownOrders


class OrderWork(Protocol):
    """The work of one operation on orders, in one transaction."""

    orders: Orders
    matures_after: timedelta

    @property
    def failures(self) -> Failures:
        """What this service's jobs fail at."""

    def now(self) -> datetime:
        """The time of this operation."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""


class KeyedWork(OrderWork, Protocol):
    """One transaction of a request that came with an idempotency key."""

    def lease_key(self, reference: str) -> None:
        """Bind the key to what the request begins. Raises KeyInUse when another request was first."""

    def keep_answer(self, answer: OrderView | Refusal) -> None:
        """Keep what this request is answered under its key, if it has none yet."""


class Asking(Protocol):
    """What it takes to tell what something would cost somebody."""

    supply: Supply
    wallet: Wallet

    def now(self) -> datetime:
        """The present."""

    def new_id(self, prefix: str) -> str:
        """A fresh id, at home in this cell."""


class QuoteWork(Asking, Protocol):
    """The work of quoting, which is in no transaction."""

    quotes: Quotes
    quote_ttl_seconds: int


class SagaWork(Asking, Protocol):
    """The work of a saga: transactions of its own, with calls to other services in between."""

    claiming: Claiming
    quotes: Quotes
    order_ttl_seconds: int
    answer_within_seconds: int
    fee_bps: int

    def transaction(self) -> AbstractContextManager[KeyedWork]:
        """Work of its own transaction, committed at the end."""

    def resumed(self) -> str | None:
        """What this request's idempotency key began before; None for a new request.

        Raises KeyInUse while the request that began it may still be at work.
        """

    def end_lease(self, reference: str) -> None:
        """Let the same idempotency key resume at once."""

    def pause(self, attempt: int) -> None:
        """Wait a moment before the next try, longer each time."""
