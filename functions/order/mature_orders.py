"""Let orders mature: after so long they can no longer be refunded, and the merchant is due the money."""

from typing import Final

from functions.order.domain.order import Order
from functions.order.ports import OrderWork, SagaWork
from functions.order.sweeping import sweep

BATCH: Final = 500


def mature_orders(work: SagaWork) -> dict[str, int]:
    """Mature what is due; the wallet pays the merchant at the event. Returns how many, and how many wait on."""

    def mature(order_id: str) -> Order:
        with work.transaction() as maturing:
            return _mature(order_id, maturing)

    swept, waiting = sweep("mature_orders", BATCH, mature, work)
    return {"matured": sum(order.stage == "matured" for order in swept), "waiting": waiting}


def _mature(order_id: str, work: OrderWork) -> Order:
    """The order, matured if it is due; one that is being refunded waits for what becomes of that."""
    order = work.orders.lock(order_id)
    if order.stage == "paid" and order.matures_at(work.matures_after) <= work.now():
        return work.orders.record(order, order.mature())
    return order
