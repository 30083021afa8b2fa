"""The hold of an order was given back: the order is off, if nothing else ended it."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldReleased


def record_release(event: Event[HoldReleased], work: OrderWork) -> None:
    """Finish a cancellation that was cut off after it had released the hold."""
    if not event.data.order_id:
        return  # set aside for something else than an order
    order = work.orders.lock(event.data.order_id)
    if order.status in ("pending", "confirmed"):
        work.orders.record(order, order.cancel())
