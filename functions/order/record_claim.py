"""What was bought is handed out."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.claim_events_pb2 import ClaimClaimed
from shared.errors import Unavailable


def record_claim(event: Event[ClaimClaimed], work: OrderWork) -> None:
    """Record the claim, once. Raises Unavailable when the payment is not recorded yet."""
    order = work.orders.lock(event.data.order_id)
    if order.status == "paid":
        work.orders.record(order, order.claim(event.data.claim_id))
    elif order.status in ("pending", "confirmed"):
        raise Unavailable(f"the payment of {order.id} is not recorded yet")
