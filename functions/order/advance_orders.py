"""Go on with purchases and refunds whose request was cut off."""

from typing import Final

from functions.order import saga
from functions.order.ports import SagaWork
from functions.order.sweeping import sweep

BATCH: Final = 100


def advance_orders(work: SagaWork) -> dict[str, int]:
    """Bring stranded orders to their outcome. Returns how many, and how many have to wait on."""
    advanced, waiting = sweep("advance_orders", BATCH, lambda order_id: saga.advance(order_id, work), work)
    return {"advanced": len(advanced), "waiting": waiting}
