"""Orders in PostgreSQL: the implementation of the ports; events to domain and back."""

import random
import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec

from functions.order.clients import SupplyClient, WalletClient
from functions.order.domain.events import OrderEvent, OrderPlaced
from functions.order.domain.order import Order, Status, apply, fold
from functions.order.domain.refusing import refusal_of
from functions.order.views import FailureView, ItemView, OrderEventView, OrderView
from shared import ids
from shared.adapters.postgres import Row, queries
from shared.contracts import problems
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.contracts.operations import Caller
from shared.errors import NotFound
from shared.idempotency import Answer, Began, answer_lease, end_lease, lease_request_id
from shared.money import Amount
from shared.outbox.work import UnitOfWork

SQL: Final = queries(Path(__file__).parent / "sql" / "queries.sql")
FACTS: Final[dict[str, type[OrderEvent]]] = {fact.type: fact for fact in OrderEvent.__args__}
FIRST_PAUSE_SECONDS: Final = 0.05


class Work(UnitOfWork):
    """The work of one operation on orders."""

    @cached_property
    def orders(self) -> "OrderStore":
        """Orders, as this transaction sees them."""
        return OrderStore(self)

    @cached_property
    def supply(self) -> SupplyClient:
        """The supply service."""
        return SupplyClient(self.resources.channel("supply", "order"))

    @cached_property
    def wallet(self) -> WalletClient:
        """The wallet service."""
        return WalletClient(self.resources.channel("wallet", "order"))

    @property
    def order_ttl_seconds(self) -> int:
        """How long an order may take from placed to confirmed."""
        return self.settings.order_ttl_seconds

    @property
    def answer_within_seconds(self) -> int:
        """How long a request waits for its order's outcome."""
        return self.settings.answer_within_seconds

    @property
    def fee_bps(self) -> int:
        """The house's part of a sale, in hundredths of a percent."""
        return self.settings.fee_bps

    def lease_key(self, order_id: str) -> None:
        if self.key is not None:
            self.key.lease(self.opened, order_id, self.now())

    def resumed(self) -> str | None:
        if self.key is None:
            return None
        with self.transaction() as work:
            known = self.key.find(work.opened, work.now())
            return known.resume(work.opened, work.now()) if isinstance(known, Began) else None

    def end_lease(self, order_id: str) -> None:
        with self.transaction() as work:
            end_lease(work.opened, order_id, work.now())

    def pause(self, attempt: int) -> None:
        time.sleep(min(1.0, FIRST_PAUSE_SECONDS * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter


class OrderStore:
    """Orders, as one transaction sees them."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def place(self, placed: OrderPlaced) -> Order:
        self._work.events.append(placed.order_id, 0, [placed])
        order = apply(None, placed, self._work.now())
        names = ("id", "user_id", "wallet_id", "merchant_id", "currency", "total", "status", "expires_at", "version")
        SQL.insert_order(
            self._work.opened,
            **{name: getattr(order, name) for name in names},
            items=to_json(OrderView.of(order).items).decode(),
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
        return order

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
        SQL.update_order(
            self._work.opened,
            id=after.id,
            status=after.status,
            failure=to_json(FailureView(*after.failure)).decode() if after.failure else None,
            version=after.version,
            updated_at=after.updated_at,
        )
        if order.status == "pending":
            self._answer(after)
        return after

    def show(self, order_id: str, caller: Caller) -> OrderView:
        row = SQL.find_order(self._work.opened, id=order_id) if ids.valid(order_id, "ord") else None
        if row is None or not (caller.operator or caller.user_id in (row["user_id"], row["merchant_id"])):
            raise NotFound("There is no such order.")
        return _view(row)

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

    def paid(self, before: datetime, after: str, most: int) -> dict[str, int]:
        rows = SQL.list_paid(self._work.opened, before=before, after=after, most=most)
        return {row["id"]: row["total"] for row in rows}

    def expired(self, now: datetime, most: int) -> list[str]:
        return [row["id"] for row in SQL.find_expired(self._work.opened, now=now, most=most)]

    def stranded(self, before: datetime, most: int) -> list[str]:
        return [row["id"] for row in SQL.find_stranded(self._work.opened, before=before, most=most)]

    def _answer(self, order: Order) -> None:
        """Store the answer to the request that placed the order, whoever commits its outcome."""
        request_id = lease_request_id(self._work.opened, order.id)
        if request_id is None:
            return
        refusal = refusal_of(order)
        if refusal is None:
            answer = Answer(201, to_json(OrderView.of(order)).decode())
        else:
            answer = Answer(problems.status_of(refusal), problems.body_of(refusal, request_id).decode())
        answer_lease(self._work.opened, order.id, answer)


def _fact(event: StoredEvent) -> OrderEvent:
    return msgspec.convert(event.data, FACTS[event.type], dec_hook=_amount)


def _amount(wanted: type[Any], value: Any) -> Any:
    return Amount.parse(value) if wanted is Amount else value


def _view(row: Row) -> OrderView:
    items = [ItemView(**{**item, "unit_price": Amount.parse(item["unit_price"])}) for item in row["items"]]
    return OrderView(
        **{
            **row,
            "total": Amount(row["total"]),
            "items": items,
            "failure": FailureView(**row["failure"]) if row["failure"] else msgspec.UNSET,
        }
    )
