"""Decide for overdue reservations and holds whether their orders are confirmed, ended or still pending."""

from collections.abc import Sequence

from functions.order.expiry import expire_if_due
from functions.order.ports import OrderWork, SagaWork
from shared.contracts.gen.order_pb2 import DecideRequest, DecideResponse
from shared.errors import NotFound
from shared.jobs.items import for_batch


def decide_orders(request: DecideRequest, work: SagaWork) -> DecideResponse:
    """A decision for each order; one still pending past its expiry expires here, so that the decision is final.

    An order that cannot be decided gets no decision, and does not affect the others. Raises Unavailable.
    """

    def decide(order_ids: Sequence[str]) -> dict[str, DecideResponse.Decision]:
        with work.transaction() as deciding:
            return {order_id: _decide(order_id, deciding) for order_id in order_ids}

    order_ids = sorted(set(request.order_ids))
    decided: dict[str, DecideResponse.Decision] = {}
    for decisions in for_batch("decide_orders", order_ids, str, decide, work).results:
        decided |= decisions
    return DecideResponse(
        outcomes=[
            DecideResponse.Outcome(
                order_id=order_id, decision=decided.get(order_id, DecideResponse.DECISION_UNSPECIFIED)
            )
            for order_id in order_ids
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
