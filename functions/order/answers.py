"""The response to a request, once its order has left the stage that the request waits on."""

from datetime import datetime, timedelta
from typing import NamedTuple

from functions.order.domain.order import Order
from functions.order.domain.refusals import refund_refusal_of, refusal_of
from functions.order.views import OrderView
from shared import ids
from shared.errors import Refusal


class Outcome(NamedTuple):
    """The response to a request that leased its idempotency key.

    operation: the request's row in the registry. reference: what the key is leased to.
    """

    operation: str
    reference: str
    answer: OrderView | Refusal


def outcome_of(before: Order, after: Order, at: datetime, matures_after: timedelta) -> Outcome | None:
    """The response that a change of stage decides; None if no request waits for it.

    at: the present. matures_after: how long after its payment an order can be refunded.
    """
    if before.stage == "pending":
        return Outcome("create_order", after.id, refusal_of(after) or OrderView.of(after))
    if before.stage == "refunding":
        refusal = refund_refusal_of(after, at, matures_after)
        return Outcome("refund_order", ids.sibling(after.id, "rfd"), refusal or OrderView.of(after))
    return None
