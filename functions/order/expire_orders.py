"""Expire orders that did not come to an outcome in their time."""

from functions.order.expiring import expire_if_due
from functions.order.ports import OrderWork

BATCH = 500


def expire_orders(work: OrderWork) -> dict[str, int]:
    """Expire what is due; the events give back what was reserved and held. Returns how many."""
    due = work.orders.expired(work.now(), BATCH)
    expired = [expire_if_due(order_id, work) for order_id in sorted(due)]
    return {"expired": sum(order.status == "expired" for order in expired)}
