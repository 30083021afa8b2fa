"""Refund a paid order to its buyer."""

from datetime import timedelta

from functions.order import saga
from functions.order.domain.refusals import refund_refusal_of
from functions.order.ports import SagaWork
from functions.order.requests import RefundOrder
from functions.order.views import OrderView
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import NotFound


def refund_order(request: RefundOrder, caller: Caller, work: SagaWork) -> OrderView:
    """The refunded order; a repeat returns the same. An order for which a voucher was issued is not refunded.

    Raises NotFound for anybody but its merchant and operators, NotRefundable, AlreadyClaimed, OrderPending.
    """
    until = work.now() + timedelta(seconds=work.answer_within_seconds)
    with work.transaction() as reading:
        shown = reading.orders.show(request.order_id, caller)
    if not (caller.operator or shown.merchant_id == caller.user_id):
        raise NotFound("There is no such order.")
    lease = ids.sibling(shown.id, "rfd")
    if work.resumed() is None:
        _request(request, caller, lease, work)
    order = saga.finish(shown.id, work, until, lease)
    with work.transaction() as answering:
        refusal = refund_refusal_of(order, work.now(), answering.matures_after)
        answering.keep_answer(refusal or OrderView.of(order))
    if refusal:
        raise refusal
    return OrderView.of(order)


def _request(request: RefundOrder, caller: Caller, lease: str, work: SagaWork) -> None:
    """T1: commit the refund request with this request's key, unless one was committed before. Raises as above."""
    with work.transaction() as t1:
        order = t1.orders.lock(request.order_id)
        refusal = refund_refusal_of(order, t1.now(), t1.matures_after)
        if refusal:
            t1.keep_answer(refusal)
        elif order.stage == "paid":
            t1.lease_key(lease)
            t1.orders.record(order, order.request_refund(caller.user_id, request.reason, restock=request.restock))
    if refusal:
        raise refusal
