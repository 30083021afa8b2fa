"""The rule by which an order expires: shared by decide_orders, expire_orders and the saga."""

from functions.order.domain.order import Order
from functions.order.ports import OrderWork


def expire_if_due(order_id: str, work: OrderWork) -> Order:
    """The order, expired now if it is still pending past its `expires_at`. Raises NotFound."""
    order = work.orders.lock(order_id)
    if order.status == "pending" and order.expires_at <= work.now():
        return work.orders.record(order, order.expire())
    return order
