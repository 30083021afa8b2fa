"""Requests whose fields take more room to describe than stands in an operation's file."""

from typing import Annotated

import msgspec

from shared.contracts.fields import OrderId
from shared.contracts.operations import ONE_LINE, Request


class RefundOrder(Request):
    """Which order to refund, whether its units go back on sale, and why."""

    in_example = frozenset({"restock", "reason"})

    order_id: OrderId
    restock: bool = False
    """Whether its units go back on sale."""

    reason: Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE, examples=["It arrived broken."])] = ""
    """Why, in a line; both sides see it."""
