"""List a buyer's orders, or those of a merchant's supplies."""

from typing import Literal

from functions.order.domain.order import Status
from functions.order.ports import OrderWork
from functions.order.views import OrderView
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListOrders(PageRequest):
    """Which orders to list."""

    status: Status | None = None
    """Only orders with this status."""

    merchant: Literal["me"] | None = None
    """`me`: the orders of the caller's supplies, of all cells, in place of those that they placed."""


def list_orders(request: ListOrders, caller: Caller, work: OrderWork) -> Page[OrderView]:
    """The caller's orders, newest first."""
    found = work.orders.browse(
        user_id=None if request.merchant else caller.user_id,
        merchant_id=caller.user_id if request.merchant else None,
        status=request.status,
        after=request.after("ord"),
        most=request.limit + 1,
    )
    return page(found, request.limit, "id")
