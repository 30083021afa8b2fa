"""Orders in PostgreSQL: the implementation of the ports; events to domain and back."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from functions.order.clients import ClaimingClient, SupplyClient, WalletClient
from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Stage, Status, apply, fold
from functions.order.domain.quoting import QUOTE_USED
from functions.order.domain.refusing import refund_refusal_of, refusal_of
from functions.order.ports import History, Moment, Refused, Task
from functions.order.quotes import SignedQuotes
from functions.order.views import FailureView, ItemView, OrderEventView, OrderView
from shared import ids
from shared.adapters.postgres import Row, Transaction
from shared.adapters.queries import queries
from shared.contracts import problems
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.contracts.operations import Caller
from shared.errors import NotFound, Refusal
from shared.idempotency import Answer, Began, answer_lease, end_lease, lease_request_id
from shared.money import Amount
from shared.outbox.verify import OwnStreams, Projection, Table
from shared.outbox.work import UnitOfWork
from shared.telemetry.context import trail

log = logging.getLogger(__name__)

SQL_FOLDER: Final = Path(__file__).parent / "sql"
SQL: Final = queries(SQL_FOLDER / "queries.sql")
FACTS: Final[dict[str, type[OrderEvent]]] = {fact.type: fact for fact in OrderEvent.__args__}
FIRST_PAUSE_SECONDS: Final = 0.05
STAGES: Final[dict[Task, list[Stage]]] = {
    "advance_orders": ["pending", "refunding", "confirmed", "promised"],
    "expire_orders": ["pending"],
    "mature_orders": ["paid"],
}
"""The orders that may wait for a task."""


class Work(UnitOfWork):
    """The work of one operation on orders."""

    @cached_property
    def orders(self) -> "OrderStore":
        """Orders, as this transaction sees them."""
        return OrderStore(self)

    @property
    def shown(self) -> "OrderStore":
        """Orders, as their people may see them."""
        return self.orders

    @cached_property
    def supply(self) -> SupplyClient:
        """The supply service."""
        return SupplyClient(self.resources.channel("supply", "order"))

    @cached_property
    def wallet(self) -> WalletClient:
        """The wallet service."""
        return WalletClient(self.resources.channel("wallet", "order"))

    @cached_property
    def claiming(self) -> ClaimingClient:
        """The claiming service."""
        return ClaimingClient(self.resources.channel("claiming", "order"))

    @cached_property
    def quotes(self) -> SignedQuotes:
        """Quotes, as clients carry them."""
        return SignedQuotes(self.settings.secret("quote_key"))

    @property
    def order_ttl_seconds(self) -> int:
        """How long an order may take from placed to confirmed."""
        return self.settings.order_ttl_seconds

    @property
    def answer_within_seconds(self) -> int:
        """How long a request waits for its order's outcome."""
        return self.settings.answer_within_seconds

    @property
    def quote_ttl_seconds(self) -> int:
        """How long the prices of a quote count."""
        return self.settings.quote_ttl_seconds

    @property
    def matures_after(self) -> timedelta:
        """How long after its payment an order can be refunded."""
        return timedelta(seconds=self.settings.order_matures_after_seconds)

    @property
    def fee_bps(self) -> int:
        """The house's part of a sale, in hundredths of a percent."""
        return self.settings.fee_bps

    def lease_key(self, reference: str) -> None:
        if self.key is not None:
            self.key.lease(self.opened, reference, self.now())

    def keep_answer(self, answer: OrderView | Refusal) -> None:
        if self.key is not None:
            self.key.keep(self.opened, _answered(200, answer, trail().request_id), self.now())

    def resumed(self) -> str | None:
        if self.key is None:
            return None
        with self.transaction() as work:
            known = self.key.find(work.opened, work.now())
            return known.resume(work.opened, work.now()) if isinstance(known, Began) else None

    def end_lease(self, reference: str) -> None:
        with self.transaction() as work:
            end_lease(work.opened, reference, work.now())

    def pause(self, attempt: int) -> None:
        time.sleep(min(1.0, FIRST_PAUSE_SECONDS * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter


class OrderStore:
    """Orders, as one transaction sees them."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def place(self, placed: OrderPlaced) -> Order:
        self._work.events.append(placed.order_id, 0, [placed])
        order = apply(None, placed, self._work.now())
        self._insert(order)
        return order

    def _insert(self, order: Order) -> None:
        names = ("id", "user_id", "wallet_id", "merchant_id", "currency", "total", "status", "stage", "expires_at")
        SQL.insert_order(
            self._work.opened,
            **{name: getattr(order, name) for name in (*names, "version", "created_at", "updated_at")},
            items=to_json(OrderView.of(order).items).decode(),
            due_at=order.due_at(self._work.matures_after),
        )
        self._work.changes([order.id])

    def use_quote(self, quote_id: str, order: Order) -> Refused | None:
        used = SQL.use_quote(self._work.opened, quote_id=quote_id, order_id=order.id, at=self._work.now())
        return None if used else QUOTE_USED

    def lock(self, order_id: str) -> Order:
        if SQL.lock_order(self._work.opened, id=order_id) is None:
            raise NotFound("There is no such order.")
        history = [(_fact(event), event.at) for event in self._work.events.read(order_id)]
        order = fold(history)
        if order is None:
            raise NotFound("There is no such order.")
        return order

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        self._work.events.append(order.id, order.version, facts)
        after = order
        for fact in facts:
            after = apply(after, fact, self._work.now())
        self._update(after)
        if order.stage == "pending":
            self._answer(after.id, 201, refusal_of(after) or OrderView.of(after))
        if order.stage == "refunding":
            refusal = refund_refusal_of(after, self._work.now(), self._work.matures_after)
            self._answer(ids.sibling(after.id, "rfd"), 200, refusal or OrderView.of(after))
        return after

    def _update(self, order: Order) -> None:
        SQL.update_order(
            self._work.opened,
            id=order.id,
            status=order.status,
            stage=order.stage,
            failure=to_json(FailureView(*order.failure)).decode() if order.failure else None,
            paid_at=order.paid_at,
            version=order.version,
            due_at=order.due_at(self._work.matures_after),
            updated_at=order.updated_at,
        )
        self._work.changes([order.id])

    def project(self, history: Sequence[StoredEvent]) -> None:
        """Write the row that the events of an order make, all of them: into whatever `orders` is here."""
        placed = fold([(_fact(event), event.at) for event in history[:1]])
        order = fold([(_fact(event), event.at) for event in history])
        if placed is not None and order is not None:
            self._insert(placed)
            self._update(order)

    def show(self, order_id: str, caller: Caller) -> OrderView:
        valid = ids.valid(order_id, "ord")
        order = (
            self._work.stored("order", order_id, OrderView, lambda work: work.orders.find(order_id)) if valid else None
        )
        if order is None or not (caller.operator or caller.user_id in (order.user_id, order.merchant_id)):
            raise NotFound("There is no such order.")
        return order

    def find(self, order_id: str) -> OrderView | None:
        """An order, for whoever may see it."""
        row = SQL.find_order(self._work.opened, id=order_id)
        return _view(row) if row else None

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        rows = SQL.list_orders(
            self._work.opened, user_id=user_id, merchant_id=merchant_id, status=status, after=after, most=most
        )
        return [_view(row) for row in rows]

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        found = self._work.events.read(order_id, after + 1, most)
        return [OrderEventView(version=e.version, type=e.type, data=e.data, at=e.at) for e in found]

    def histories(self, before: datetime | None, below: str, most: int) -> list[History]:
        rows = SQL.list_histories(self._work.opened, before=before, below=below, most=most)
        return [_history(row) for row in rows]

    def take(self, task: Task, most: int) -> list[str]:
        taken = SQL.take_due(
            self._work.opened, stages=STAGES[task], overdue=task == "expire_orders", now=self._work.now(), most=most
        )
        return [row["id"] for row in taken]

    def _answer(self, reference: str, success: int, answer: OrderView | Refusal) -> None:
        """Store the answer to the request that leased its key for this, whoever commits the outcome."""
        request_id = lease_request_id(self._work.opened, reference)
        if request_id is not None:
            answer_lease(self._work.opened, reference, _answered(success, answer, request_id))


def _answered(success: int, answer: OrderView | Refusal, request_id: str) -> Answer:
    if isinstance(answer, Refusal):
        return Answer(problems.status_of(answer), problems.body_of(answer, request_id).decode())
    return Answer(success, to_json(answer).decode(), answer.tag())


def _fact(event: StoredEvent) -> OrderEvent:
    return msgspec.convert(event.data, FACTS[event.type], dec_hook=_amount)


def _history(row: Row) -> History:
    order = None
    try:
        order = apply(None, msgspec.convert(row["placed"], OrderPlaced, dec_hook=_amount), row["placed_at"])
    except msgspec.ValidationError as error:  # whatever others have for it belongs to no order then
        log.warning("%s is no order: %s", row["id"], error)
    return History(row["id"], order, msgspec.convert(row["facts"], dict[str, Moment]), row["restocked"])


def _amount(wanted: type[Any], value: Any) -> Any:
    return Amount.parse(value) if wanted is Amount else value


def _view(row: Row) -> OrderView:
    items = [ItemView(**{**item, "unit_price": Amount.parse(item["unit_price"])}) for item in row["items"]]
    return OrderView(
        **{
            **{name: row[name] for name in OrderView.__struct_fields__},
            "total": Amount(row["total"]),
            "items": items,
            "failure": FailureView(**row["failure"]) if row["failure"] else msgspec.UNSET,
        }
    )


def projections(work: Callable[[Transaction], Work]) -> list[Projection]:
    """What is made of this service's events, and how."""

    def project(transaction: Transaction, history: Sequence[StoredEvent]) -> None:
        work(transaction).orders.project(history)

    return [Table("orders", OwnStreams("ord"), queries(SQL_FOLDER / "projections.sql"), project)]
