"""Cancel an order that is not paid yet."""

from functions.order import saga
from functions.order.domain.errors import OrderPaid
from functions.order.domain.order import Order
from functions.order.domain.refusing import refusal_of
from functions.order.ports import SagaWork
from functions.order.views import OrderView
from shared.contracts.operations import Caller, Request
from shared.errors import NotFound


class CancelOrder(Request):
    """Which order to cancel."""

    order_id: str


def cancel_order(request: CancelOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The order, cancelled; a repeat answers the same. Releasing the hold decides against a capture.

    Raises NotFound for another's, OrderPaid, OrderRefused for one that ended otherwise, Unavailable.
    """
    with work.transaction() as reading:
        shown = reading.orders.show(request.order_id, caller)
        if not (caller.operator or shown.user_id == caller.user_id):
            raise NotFound("There is no such order.")
        order = reading.orders.lock(shown.id)
    if order.status in ("pending", "confirmed"):
        if order.hold_id and not work.wallet.release(order):
            raise OrderPaid
        order = _cancel(order.id, work)
        if order.ended:
            saga.give_back(order, work)
    if order.status == "cancelled":
        return OrderView.of(order)
    raise refusal_of(order) or OrderPaid()


def _cancel(order_id: str, work: SagaWork) -> Order:
    """Record it, unless the order came to another outcome first. A free one is paid as soon as it is confirmed."""
    with work.transaction() as deciding:
        order = deciding.orders.lock(order_id)
        if order.status in ("pending", "confirmed"):
            order = deciding.orders.record(order, order.cancel())
        return order
