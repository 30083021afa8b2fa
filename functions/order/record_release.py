"""Cancel an order whose hold was released, unless it has ended already."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldReleased


def record_release(event: Event[HoldReleased], work: OrderWork) -> None:
    """Finish a cancellation that was interrupted after it had released the hold."""
    if not event.data.order_id:
        return  # a hold for something other than an order
    order = work.orders.lock(event.data.order_id)
    if order.status in ("pending", "confirmed"):
        work.orders.record(order, order.cancel())
