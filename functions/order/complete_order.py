"""Mark an order completed once its claim is redeemed on the chain."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.claim_events_pb2 import ClaimProcessed
from shared.errors import MeridianError, Unavailable


def complete_order(event: Event[ClaimProcessed], work: OrderWork) -> None:
    """Record the completion, once.

    Raises Unavailable while the claim is not recorded yet, MeridianError if the order has none, which is a defect.
    """
    order = work.orders.lock(event.data.order_id)
    if order.stage == "claimed":
        work.orders.record(order, order.complete(event.data.claim_id))
    elif order.ended or order.stage == "refunded":
        raise MeridianError(f"{order.id} is {order.status}, but its claim was processed")
    elif order.stage != "completed":
        raise Unavailable(f"the claim of {order.id} is not recorded yet")
