"""Orders in PostgreSQL: their events, and the projection of them in `orders`."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial, reduce
from pathlib import Path
from typing import Final

import msgspec

from functions.order.answers import Outcome, outcome_of
from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Stage, Status, apply, fold
from functions.order.domain.quote import QUOTE_USED
from functions.order.ports import Occurrence, OrderHistory, RefusalReason, Task
from functions.order.views import OrderEventView, OrderFailureView, OrderItemView, OrderView
from shared import ids
from shared.contracts import problems
from shared.contracts.encode import decode_amount, to_json
from shared.contracts.events import StoredEvent
from shared.contracts.operations import Caller
from shared.decoding import ready
from shared.errors import NotFound, Refusal
from shared.idempotency import Answer, answer_leases, lease_request_ids
from shared.money import Amount
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.registry import load
from shared.telemetry.context import TraceContext
from shared.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

SQL_FOLDER: Final = Path(__file__).parent.parent / "sql"
SQL: Final = queries(SQL_FOLDER / "queries.sql")
FACTS: Final[dict[str, type[OrderEvent]]] = {fact.type: fact for fact in OrderEvent.__args__}
INSERTED: Final = (
    *("id", "user_id", "wallet_id", "merchant_id", "currency", "total", "status", "stage", "expires_at"),
    *("version", "created_at", "updated_at"),
)
"""The columns of a new row in `orders` that are attributes of an Order."""

UPDATED: Final = ("id", "status", "stage", "paid_at", "version", "updated_at")
"""The same of an update after further events; `id` finds the row."""

STAGES: Final[dict[Task, list[Stage]]] = {
    "advance_orders": ["pending", "refunding", "confirmed", "promised"],
    "expire_orders": ["pending"],
    "mature_orders": ["paid"],
}
"""The stages in which an order may be due for a task."""


class PostgresOrders:
    """Orders, within one transaction."""

    def __init__(
        self, work: UnitOfWork, matures_after: timedelta, traces: Mapping[str, TraceContext] | None = None
    ) -> None:
        """
        matures_after: for how long after its payment an order can be refunded.
        traces: by order, the trace that its events carry, if not that of the present request.
        """
        self._work = work
        self._matures_after = matures_after
        self._traces = traces or {}

    def place(self, placed: Sequence[OrderPlaced]) -> list[Order]:
        self._append([(each.order_id, 1, each) for each in placed])
        orders = [apply(None, each, self._work.now()) for each in placed]
        self._insert(orders)
        return orders

    def _append(self, facts: Sequence[tuple[str, int, OrderEvent]]) -> None:
        self._work.events.append_all(facts, self._traces)

    def _insert(self, orders: Sequence[Order]) -> None:
        rows = [
            {
                **{name: getattr(order, name) for name in INSERTED},
                "items": OrderView.of(order).items,
                "due_at": order.due_at(self._matures_after),
            }
            for order in orders
        ]
        SQL.insert_orders(self._work.current_transaction.later, orders=to_json(rows).decode())
        self._work.changes(order.id for order in orders)

    def use_quote(self, quote_id: str, order: Order) -> RefusalReason | None:
        used = SQL.use_quote(self._work.current_transaction, quote_id=quote_id, order_id=order.id, at=self._work.now())
        return None if used else QUOTE_USED

    def lock(self, order_id: str) -> Order:
        return self.lock_each([order_id])[0]

    def lock_each(self, order_ids: Sequence[str]) -> list[Order]:
        if not order_ids:
            return []
        SQL.lock_orders(self._work.current_transaction, ids=list(order_ids))
        return self._read(order_ids)

    def lock_all(self, known: Sequence[Order]) -> list[Order]:
        locked = SQL.lock_orders(self._work.current_transaction, ids=[order.id for order in known])
        versions = {row["id"]: row["version"] for row in locked}
        moved = [order.id for order in known if versions.get(order.id) != order.version]
        now = dict(zip(moved, self._read(moved), strict=True))
        return [now.get(order.id, order) for order in known]

    def _read(self, order_ids: Sequence[str]) -> list[Order]:
        histories = self._work.events.read_all(order_ids)
        orders = [fold((_fact(event), event.at) for event in histories.get(order_id, ())) for order_id in order_ids]
        found = [order for order in orders if order is not None]
        if len(found) < len(orders):
            raise NotFound("There is no such order.")
        return found

    def record(self, order: Order, facts: Sequence[OrderEvent]) -> Order:
        return self.record_all([(order, facts)])[0]

    def record_all(self, decided: Sequence[tuple[Order, Sequence[OrderEvent]]]) -> list[Order]:
        self._append(
            [(order.id, order.version + n, fact) for order, facts in decided for n, fact in enumerate(facts, 1)]
        )
        after = [reduce(partial(apply, at=self._work.now()), facts, order) for order, facts in decided]
        moved = [(order, now) for (order, facts), now in zip(decided, after, strict=True) if facts]
        self._update([now for _, now in moved])
        outcomes = [outcome_of(order, now, self._work.now(), self._matures_after) for order, now in moved]
        self._answer([outcome for outcome in outcomes if outcome is not None])
        return after

    def _update(self, orders: Sequence[Order]) -> None:
        if not orders:
            return
        rows = [
            {
                **{name: getattr(order, name) for name in UPDATED},
                "failure": OrderFailureView(*order.failure) if order.failure else None,
                "due_at": order.due_at(self._matures_after),
            }
            for order in orders
        ]
        SQL.update_orders(self._work.current_transaction.later, orders=to_json(rows).decode())
        self._work.changes(order.id for order in orders)

    def project(self, history: Sequence[StoredEvent]) -> None:
        """Write the row that all events of an order fold into, to whichever table `orders` resolves to here."""
        placed = fold([(_fact(event), event.at) for event in history[:1]])
        order = fold([(_fact(event), event.at) for event in history])
        if placed is not None and order is not None:
            self._insert([placed])
            self._update([order])

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

    def _answer(self, outcomes: Sequence[Outcome]) -> None:
        """Store the responses to the requests that leased their keys to these, whichever process commits an outcome."""
        if not outcomes:
            return
        refused = [outcome.reference for outcome in outcomes if isinstance(outcome.answer, Refusal)]
        transaction = self._work.current_transaction
        request_ids = lease_request_ids(transaction, refused) if refused else {}  # a problem document names its request
        answer_leases(
            transaction,
            {
                outcome.reference: answered(
                    outcome.operation,
                    outcome.answer,
                    request_ids.get(outcome.reference, ""),
                    self._work.settings.public_url,
                )
                for outcome in outcomes
            },
        )


def answered(operation: str, answer: OrderView | Refusal, request_id: str, site: str) -> Answer:
    """A response as it is stored for the request, with the status of the operation's row or of the refusal.

    site: the URL that the API is at.
    """
    if isinstance(answer, Refusal):
        return Answer(problems.status_of(answer), problems.body_of(answer, request_id, site).decode())
    return Answer(load().rows[operation].success, to_json(answer).decode(), answer.tag())


def _fact(event: StoredEvent) -> OrderEvent:
    return msgspec.convert(event.data, ready(FACTS[event.type]), dec_hook=decode_amount)


def _history(row: Row) -> OrderHistory:
    order = None
    try:
        order = apply(
            None, msgspec.convert(row["placed"], ready(OrderPlaced), dec_hook=decode_amount), row["placed_at"]
        )
    except msgspec.ValidationError as error:  # the audit then reports the other services' records as of no order
        log.warning("%s cannot be decoded as an order: %s", row["id"], error)
    return OrderHistory(row["id"], order, msgspec.convert(row["facts"], ready(dict[str, Occurrence])), row["restocked"])


def _view(row: Row) -> OrderView:
    items = [OrderItemView(**{**item, "unit_price": Amount.parse(item["unit_price"])}) for item in row["items"]]
    return OrderView(
        **{
            **{name: row[name] for name in OrderView.__struct_fields__},
            "total": Amount(row["total"]),
            "items": items,
            "failure": OrderFailureView(**row["failure"]) if row["failure"] else msgspec.UNSET,
        }
    )
