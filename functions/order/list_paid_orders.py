"""List paid orders for an auditor, who follows them through the services."""

from datetime import UTC
from typing import Final

from functions.order.ports import OrderWork
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse

PAGE: Final = 1000


def list_paid_orders(request: ListPaidRequest, work: OrderWork) -> ListPaidResponse:
    """A page of the orders that were paid before a time."""
    totals = work.orders.paid(request.before.ToDatetime(UTC), request.after, PAGE)
    return ListPaidResponse(order_ids=totals, charged_ids=[order_id for order_id, total in totals.items() if total])
