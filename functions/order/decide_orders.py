"""Tell the owners of overdue reservations and holds what became of their orders."""

from functions.order.expiring import expire_if_due
from functions.order.ports import OrderWork
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.errors import NotFound


def decide_orders(request: DecideRequest, work: OrderWork) -> DecideResponse:
    """A decision for each order; one past its time that is still pending expires here, so that the answer holds."""
    return DecideResponse(
        outcomes=[
            DecideResponse.Outcome(order_id=order_id, decision=_decide(order_id, work))
            for order_id in sorted(request.order_ids)
        ]
    )


def _decide(order_id: str, work: OrderWork) -> DecideResponse.Decision:
    try:
        order = expire_if_due(order_id, work)
    except NotFound:
        return DecideResponse.DECISION_UNSPECIFIED
    if order.ended:
        return DecideResponse.DECISION_ENDED
    return DecideResponse.DECISION_PENDING if order.status == "pending" else DecideResponse.DECISION_CONFIRMED
