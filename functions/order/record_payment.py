"""The money is in escrow: the order is paid."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured
from shared.errors import MeridianError


def record_payment(event: Event[HoldCaptured], work: OrderWork) -> None:
    """Record the payment, once. Raises MeridianError for a payment of an order that was not confirmed: a defect."""
    if not event.data.order_id:
        return  # set aside for something else than an order
    order = work.orders.lock(event.data.order_id)
    if order.status == "confirmed":
        work.orders.record(order, order.pay())
    elif order.status == "pending" or order.ended:
        raise MeridianError(f"{order.id} is {order.status}, but its hold was captured")
