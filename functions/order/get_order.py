"""Show an order."""

from functions.order.ports import ShowingWork
from functions.order.views import OrderView
from shared.contracts.fields import OrderId
from shared.contracts.operations import Caller, Request


class GetOrder(Request):
    """Which order to show."""

    order_id: OrderId


def get_order(request: GetOrder, caller: Caller, work: ShowingWork) -> OrderView:
    """The order, to its buyer, its merchant or an operator. Raises NotFound."""
    return work.shown.show(request.order_id, caller)
