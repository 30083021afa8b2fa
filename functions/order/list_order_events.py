"""List the events of an order."""

from typing import Annotated

import msgspec

from functions.order.ports import OrderWork
from functions.order.views import OrderEventView
from shared.contracts.fields import OrderId
from shared.contracts.operations import Caller, Page, PageLimit, Request

Version = Annotated[int, msgspec.Meta(ge=0, lt=2**63 - 1, examples=[3])]


class ListOrderEvents(Request):
    """Which order's events to list."""

    order_id: OrderId
    limit: PageLimit = 20
    """How many items a page has at most."""

    cursor: Version | None = None
    """The `next_cursor` of the page before: the version of the last event that was shown."""


def list_order_events(request: ListOrderEvents, caller: Caller, work: OrderWork) -> Page[OrderEventView]:
    """The order's events, oldest first, to its buyer, its merchant or an operator. Raises NotFound."""
    order = work.orders.show(request.order_id, caller)
    found = work.orders.history(order.id, request.cursor or 0, request.limit + 1)
    shown = found[: request.limit]
    return Page(shown, str(shown[-1].version) if len(found) > len(shown) else None)
