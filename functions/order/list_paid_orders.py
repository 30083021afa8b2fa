"""List orders for the audit, which compares them with the other services' records."""

from datetime import UTC
from typing import Any, Final

from functions.order.domain.order import Order
from functions.order.ports import OrderHistory, OrderWork
from shared.contracts.gen import audit_pb2
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse

PAGE: Final = 500
LINES: Final = 4000
"""The most order lines of a page, so that it stays well below gRPC's message limit (4 MiB)."""


def list_paid_orders(request: ListPaidRequest, work: OrderWork) -> ListPaidResponse:
    """A page of orders, paid or not, newest first; optionally only those placed before a time."""
    before = request.before.ToDatetime(UTC) if request.HasField("before") else None
    found = work.orders.histories(before, request.below_id, PAGE + 1)
    lines, listed = 0, []
    for history in found[:PAGE]:
        lines += len(history.order.items) if history.order else 0
        if lines > LINES:
            break
        listed.append(history)
    orders = [_audit_order(history.order, history) for history in listed if history.order]
    return ListPaidResponse(orders=orders, from_id=listed[-1].id if len(listed) < len(found) else "")


def _audit_order(order: Order, history: OrderHistory) -> audit_pb2.Order:
    facts = history.facts
    names = ("id", "user_id", "wallet_id", "address", "merchant_id", "currency", "fee_bps")
    item = ("item_id", "supply_id", "quantity", "chain_id", "contract", "token_id", "standard")
    return audit_pb2.Order(
        **{name: getattr(order, name) for name in names},
        total=str(order.total),
        items=[audit_pb2.Order.Item(**{name: getattr(line, name) for name in item}) for line in order.items],
        payouts=[audit_pb2.Order.Payout(wallet_id=due.wallet_id, amount=str(due.amount)) for due in order.payouts],
        restocked=history.restocked,
        **_when(history, "confirmed", "order.confirmed"),
        **_when(history, "paid", "order.paid"),
        **_when(history, "ended", "order.failed", "order.cancelled", "order.expired"),
        **_when(history, "refunded", "order.refunded"),
        **_when(history, "earned", "order.claimed", "order.matured"),
        claimed_at=facts["order.claimed"].at if "order.claimed" in facts else None,
        completed_at=facts["order.completed"].at if "order.completed" in facts else None,
    )


def _when(history: OrderHistory, name: str, *types: str) -> dict[str, Any]:
    """When the first of these events was recorded, as the fields `<name>_at` and `<name>_version`."""
    first = min((history.facts[each] for each in types if each in history.facts), key=lambda it: it.at, default=None)
    return {f"{name}_at": first.at, f"{name}_version": first.version} if first else {}
