"""Mature orders: their refund window is over, so the merchant is due the money."""

from typing import Final

from functions.order.domain.order import Order
from functions.order.due_orders import sweep_in_transactions
from functions.order.ports import OrderWork, SagaWork

BATCH: Final = 500


def mature_orders(work: SagaWork) -> dict[str, int]:
    """Mature due orders; the event has the wallet pay the merchant. Returns how many, and how many failed."""
    swept, waiting = sweep_in_transactions("mature_orders", BATCH, _mature, work)
    return {"matured": sum(order.stage == "matured" for order in swept), "waiting": waiting}


def _mature(order_id: str, work: OrderWork) -> Order:
    """The order, matured if it is due; an order with a refund under way stays as it is."""
    order = work.orders.lock(order_id)
    if order.stage == "paid" and order.matures_at(work.matures_after) <= work.now():
        return work.orders.record(order, order.mature())
    return order
