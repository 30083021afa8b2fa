"""Cancel an order that is not paid yet."""

from functions.order import saga
from functions.order.domain.errors import OrderAlreadyPaid
from functions.order.domain.order import Order
from functions.order.domain.refusals import refusal_of
from functions.order.ports import SagaWork
from functions.order.views import OrderView
from shared.contracts.fields import OrderId
from shared.contracts.operations import Caller, Request
from shared.errors import NotFound


class CancelOrder(Request):
    """Which order to cancel."""

    order_id: OrderId


def cancel_order(request: CancelOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The cancelled order; a repeat returns the same. Releasing the hold decides the race against its capture.

    Raises NotFound for another user's order, OrderAlreadyPaid, OrderRefused if it ended otherwise, Unavailable.
    """
    with work.transaction() as reading:
        shown = reading.orders.show(request.order_id, caller)
        if not (caller.operator or shown.user_id == caller.user_id):
            raise NotFound("There is no such order.")
        order = reading.orders.lock(shown.id)
    if order.status in ("pending", "confirmed"):
        if order.hold_id and not work.wallet.release(order):
            raise OrderAlreadyPaid
        order = _cancel(order.id, work)
        if order.ended:
            saga.give_back(order, work)
    if order.status == "cancelled":
        return OrderView.of(order)
    raise refusal_of(order) or OrderAlreadyPaid()


def _cancel(order_id: str, work: SagaWork) -> Order:
    """Cancel the order unless another outcome came first. A free order is paid as soon as it is confirmed."""
    with work.transaction() as deciding:
        order = deciding.orders.lock(order_id)
        if order.status in ("pending", "confirmed"):
            order = deciding.orders.record(order, order.cancel())
        return order
