"""The refusals that follow from an order's state."""

from datetime import datetime, timedelta

from functions.order.domain.errors import AlreadyClaimed, NotRefundable, OrderRefused
from functions.order.domain.order import Order
from shared.errors import Refusal


def refusal_of(order: Order) -> OrderRefused | None:
    """The refusal returned for an ended order; None for one that has not ended."""
    if not order.ended:
        return None
    if order.failure:
        code, detail = order.failure
        return OrderRefused(detail, code=code, order_id=order.id)
    return OrderRefused(f"The order was {order.status}.", code=f"ORDER_{order.status.upper()}", order_id=order.id)


def refund_refusal_of(order: Order, now: datetime, matures_after: timedelta) -> Refusal | None:
    """Why an order cannot be refunded; None if it can be, is being refunded, or was.

    matures_after: the refund window after the payment; it counts whether or not the order is marked matured yet.
    """
    if order.stage in ("refunding", "refunded"):
        return None
    if order.stage in ("promised", "claimed", "completed"):
        return AlreadyClaimed(order_id=order.id)
    if order.stage == "paid" and now < order.matures_at(matures_after):
        return None
    return NotRefundable(order_id=order.id)
