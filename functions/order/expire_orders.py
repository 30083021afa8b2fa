"""Expire orders that reached no outcome in time."""

from typing import Final

from functions.order.due_orders import sweep_in_transactions
from functions.order.expiry import expire_if_due
from functions.order.ports import SagaWork

BATCH: Final = 500


def expire_orders(work: SagaWork) -> dict[str, int]:
    """Expire due orders; the events release stock and holds. Returns how many expired, how many are retried later."""
    swept, waiting = sweep_in_transactions("expire_orders", BATCH, expire_if_due, work)
    return {"expired": sum(order.status == "expired" for order in swept), "waiting": waiting}
