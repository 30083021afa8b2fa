"""Mark orders paid once their holds are captured into escrow."""

from collections.abc import Sequence

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.wallet_events_pb2 import HoldCaptured
from shared.errors import MeridianError


def record_payment(events: Sequence[Event[HoldCaptured]], work: OrderWork) -> None:
    """Record the payments, each once. Raises MeridianError if an order was never confirmed, which is a defect."""
    captured = {event.data.order_id for event in events} - {""}  # a hold may be for something other than an order
    orders = work.orders.lock_each(sorted(captured))
    for order in orders:
        if order.status == "pending" or order.ended:
            raise MeridianError(f"{order.id} is {order.status}, but its hold was captured")
    work.orders.record_all([(order, order.pay()) for order in orders if order.status == "confirmed"])
