"""List paid orders for an auditor, who follows them through the services."""

from datetime import UTC
from typing import Final

from functions.order.ports import OrderWork
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse

PAGE: Final = 1000


def list_paid_orders(request: ListPaidRequest, work: OrderWork) -> ListPaidResponse:
    """A page of the orders that were paid before a time."""
    paid = work.orders.paid(request.before.ToDatetime(UTC), request.after, PAGE)
    return ListPaidResponse(
        order_ids=paid,
        charged_ids=[order_id for order_id, order in paid.items() if order.total],
        refunded_ids=[order_id for order_id, order in paid.items() if order.refunded],
        earned_ids=[order_id for order_id, order in paid.items() if order.earned],
    )
