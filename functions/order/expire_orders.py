"""Expire orders that did not come to an outcome in their time."""

from typing import Final

from functions.order.domain.order import Order
from functions.order.expiring import expire_if_due
from functions.order.ports import SagaWork
from functions.order.sweeping import sweep

BATCH: Final = 500


def expire_orders(work: SagaWork) -> dict[str, int]:
    """Expire what is due; the events give back what was reserved and held. Returns how many, and how many wait on."""

    def expire(order_id: str) -> Order:
        with work.transaction() as expiring:
            return expire_if_due(order_id, expiring)

    swept, waiting = sweep("expire_orders", BATCH, expire, work)
    return {"expired": sum(order.status == "expired" for order in swept), "waiting": waiting}
