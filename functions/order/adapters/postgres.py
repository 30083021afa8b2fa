"""Orders in PostgreSQL: their events, and the projection of them in `orders`."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from functions.order.answers import Outcome, outcome_of
from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Stage, Status, apply, fold
from functions.order.domain.quote import QUOTE_USED
from functions.order.ports import Occurrence, OrderHistory, RefusalReason, Task
from functions.order.views import FailureView, ItemView, OrderEventView, OrderView
from shared import ids
from shared.contracts import problems
from shared.contracts.encode import decode_amount, to_json
from shared.contracts.events import StoredEvent
from shared.contracts.operations import Caller
from shared.errors import NotFound, Refusal
from shared.idempotency import Answer, answer_lease, lease_request_id
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.registry import load
from shared.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

SQL_FOLDER: Final = Path(__file__).parent.parent / "sql"
SQL: Final = queries(SQL_FOLDER / "queries.sql")
FACTS: Final[dict[str, type[OrderEvent]]] = {fact.type: fact for fact in OrderEvent.__args__}
STAGES: Final[dict[Task, list[Stage]]] = {
    "advance_orders": ["pending", "refunding", "confirmed", "promised"],
    "expire_orders": ["pending"],
    "mature_orders": ["paid"],
}
"""The stages in which an order may be due for a task."""


class PostgresOrders:
    """Orders, within one transaction."""

    def __init__(self, work: UnitOfWork, matures_after: timedelta) -> None:
        """matures_after: for how long after its payment an order can be refunded."""
        self._work = work
        self._matures_after = matures_after

    def place(self, placed: OrderPlaced) -> Order:
        self._work.events.append(placed.order_id, 0, [placed])
        order = apply(None, placed, self._work.now())
        self._insert(order)
        return order

    def _insert(self, order: Order) -> None:
        names = ("id", "user_id", "wallet_id", "merchant_id", "currency", "total", "status", "stage", "expires_at")
        SQL.insert_order(
            self._work.current_transaction,
            **{name: getattr(order, name) for name in (*names, "version", "created_at", "updated_at")},
            items=to_json(OrderView.of(order).items).decode(),
            due_at=order.due_at(self._matures_after),
        )
        self._work.changes([order.id])

    def use_quote(self, quote_id: str, order: Order) -> RefusalReason | None:
        used = SQL.use_quote(self._work.current_transaction, quote_id=quote_id, order_id=order.id, at=self._work.now())
        return None if used else QUOTE_USED

    def lock(self, order_id: str, known: Order | None = None) -> Order:
        version = SQL.lock_order(self._work.current_transaction, id=order_id)
        if version is None:
            raise NotFound("There is no such order.")
        if known is not None and known.version == version:
            return known
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
        outcome = outcome_of(order, after, self._work.now(), self._matures_after)
        if outcome is not None:
            self._answer(outcome)
        return after

    def _update(self, order: Order) -> None:
        SQL.update_order(
            self._work.current_transaction,
            id=order.id,
            status=order.status,
            stage=order.stage,
            failure=to_json(FailureView(*order.failure)).decode() if order.failure else None,
            paid_at=order.paid_at,
            version=order.version,
            due_at=order.due_at(self._matures_after),
            updated_at=order.updated_at,
        )
        self._work.changes([order.id])

    def project(self, history: Sequence[StoredEvent]) -> None:
        """Write the row that all events of an order fold into, to whichever table `orders` resolves to here."""
        placed = fold([(_fact(event), event.at) for event in history[:1]])
        order = fold([(_fact(event), event.at) for event in history])
        if placed is not None and order is not None:
            self._insert(placed)
            self._update(order)

    def show(self, order_id: str, caller: Caller) -> OrderView:
        valid = ids.valid(order_id, "ord")
        order = self._work.stored("order", order_id, OrderView, self._find_in(order_id)) if valid else None
        if order is None or not (caller.operator or caller.user_id in (order.user_id, order.merchant_id)):
            raise NotFound("There is no such order.")
        return order

    def _find_in(self, order_id: str) -> Callable[[UnitOfWork], OrderView | None]:
        return lambda work: PostgresOrders(work, self._matures_after).find(order_id)

    def find(self, order_id: str) -> OrderView | None:
        """An order by id, without checking who may see it."""
        row = SQL.find_order(self._work.current_transaction, id=order_id)
        return _view(row) if row else None

    def browse(
        self, user_id: str | None, merchant_id: str | None, status: Status | None, after: str | None, most: int
    ) -> list[OrderView]:
        rows = SQL.list_orders(
            self._work.current_transaction,
            user_id=user_id,
            merchant_id=merchant_id,
            status=status,
            after=after,
            most=most,
        )
        return [_view(row) for row in rows]

    def history(self, order_id: str, after: int, most: int) -> list[OrderEventView]:
        found = self._work.events.read(order_id, after + 1, most)
        return [OrderEventView(version=e.version, type=e.type, data=e.data, at=e.at) for e in found]

    def histories(self, before: datetime | None, below: str, most: int) -> list[OrderHistory]:
        rows = SQL.list_histories(self._work.current_transaction, before=before, below=below, most=most)
        return [_history(row) for row in rows]

    def take(self, task: Task, most: int) -> list[str]:
        taken = SQL.take_due(
            self._work.current_transaction,
            stages=STAGES[task],
            overdue=task == "expire_orders",
            now=self._work.now(),
            most=most,
        )
        return [row["id"] for row in taken]

    def _answer(self, outcome: Outcome) -> None:
        """Store the response to the request that leased its key to this, whichever process commits the outcome."""
        request_id: str | None = ""
        if isinstance(outcome.answer, Refusal):  # a problem document names its request
            request_id = lease_request_id(self._work.current_transaction, outcome.reference)
        if request_id is not None:
            answer_lease(
                self._work.current_transaction,
                outcome.reference,
                answered(outcome.operation, outcome.answer, request_id),
            )


def answered(operation: str, answer: OrderView | Refusal, request_id: str) -> Answer:
    """A response as it is stored for the request, with the status of the operation's row or of the refusal."""
    if isinstance(answer, Refusal):
        return Answer(problems.status_of(answer), problems.body_of(answer, request_id).decode())
    return Answer(load().rows[operation].success, to_json(answer).decode(), answer.tag())


def _fact(event: StoredEvent) -> OrderEvent:
    return msgspec.convert(event.data, FACTS[event.type], dec_hook=decode_amount)


def _history(row: Row) -> OrderHistory:
    order = None
    try:
        order = apply(None, msgspec.convert(row["placed"], OrderPlaced, dec_hook=decode_amount), row["placed_at"])
    except msgspec.ValidationError as error:  # the audit then reports the other services' records as of no order
        log.warning("%s cannot be decoded as an order: %s", row["id"], error)
    return OrderHistory(row["id"], order, msgspec.convert(row["facts"], dict[str, Occurrence]), row["restocked"])


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
