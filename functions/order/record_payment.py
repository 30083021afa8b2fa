"""Mark an order paid once its hold is captured into escrow."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured
from shared.errors import MeridianError


def record_payment(event: Event[HoldCaptured], work: OrderWork) -> None:
    """Record the payment, once. Raises MeridianError if the order was never confirmed, which is a defect."""
    if not event.data.order_id:
        return  # a hold for something other than an order
    order = work.orders.lock(event.data.order_id)
    if order.status == "confirmed":
        work.orders.record(order, order.pay())
    elif order.status == "pending" or order.ended:
        raise MeridianError(f"{order.id} is {order.status}, but its hold was captured")
