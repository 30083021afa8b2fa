"""List the orders of all users, for operators."""

from functions.order.ports import OrderWork
from functions.order.views import OrderView
from shared.contracts.fields import UserFilter
from shared.contracts.operations import Page, PageRequest, page


class BrowseOrders(PageRequest):
    """Whose orders to list; all by default."""

    user_id: UserFilter | None = None
    """Only orders of this buyer."""

    merchant_id: UserFilter | None = None
    """Only orders of this merchant's supplies."""


def browse_orders(request: BrowseOrders, work: OrderWork) -> Page[OrderView]:
    """The orders of all cells, newest first. Raises Malformed."""
    found = work.orders.browse(
        user_id=request.user_id,
        merchant_id=request.merchant_id,
        status=None,
        after=request.after("ord"),
        most=request.limit + 1,
    )
    return page(found, request.limit, "id")
