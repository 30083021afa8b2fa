"""Mark an order claimed once its voucher is issued."""

from functions.order.ports import OrderWork
from shared.contracts.events import Event
from shared.contracts.gen.claim_events_pb2 import ClaimClaimed
from shared.errors import MeridianError, Unavailable


def record_claim(event: Event[ClaimClaimed], work: OrderWork) -> None:
    """Record the claim, once.

    Raises Unavailable while the payment is not recorded yet, or a refund (which this claim rules out) is undecided;
    MeridianError if the order ended or was refunded, which is a defect.
    """
    order = work.orders.lock(event.data.order_id)
    if order.stage in ("paid", "promised", "matured"):
        work.orders.record(order, order.claim(event.data.claim_id))
    elif order.ended or order.stage == "refunded":
        raise MeridianError(f"{order.id} is {order.status}, but there is a voucher for it")
    elif order.stage not in ("claimed", "completed"):
        raise Unavailable(f"{order.id} is {order.stage}: its claim is recorded after that")
