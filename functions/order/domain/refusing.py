"""What an order's end means to the request that placed it."""

from functions.order.domain.errors import OrderRefused
from functions.order.domain.order import Order


def refusal_of(order: Order) -> OrderRefused | None:
    """The refusal that an ended order is answered with; None for one that stands."""
    if not order.ended:
        return None
    if order.failure:
        code, detail = order.failure
        return OrderRefused(detail, code=code, order_id=order.id)
    return OrderRefused(f"The order was {order.status}.", code=f"ORDER_{order.status.upper()}", order_id=order.id)
