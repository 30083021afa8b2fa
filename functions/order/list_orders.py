"""List a buyer's orders, or those of a merchant's supplies."""

from typing import Literal

from functions.order.domain.order import Status
from functions.order.ports import OrderWork
from functions.order.views import OrderView
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListOrders(PageRequest):
    """Which orders to list; `merchant=me` selects those of the caller's supplies."""

    status: Status | None = None
    merchant: Literal["me"] | None = None


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
