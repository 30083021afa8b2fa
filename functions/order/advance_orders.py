"""Resume purchases and refunds whose request was interrupted."""

from typing import Final

from functions.order import saga
from functions.order.due_orders import sweep
from functions.order.ports import SagaWork

BATCH: Final = 100


def advance_orders(work: SagaWork) -> dict[str, int]:
    """Take interrupted orders to their outcome. Returns how many were advanced, and how many are retried later."""
    advanced, waiting = sweep("advance_orders", BATCH, lambda order_id: saga.advance(order_id, work), work)
    return {"advanced": len(advanced), "waiting": waiting}
