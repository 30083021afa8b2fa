"""Requests whose fields take more room to describe than stands in an operation's file."""

from shared.contracts.fields import OrderId
from shared.contracts.operations import Address, Request


class CreateClaim(Request):
    """What to claim, and for whom; the wallet that paid by default."""

    order_id: OrderId
    """The paid order that it is for."""

    recipient: Address | None = None
    """The address that gets what was bought; by default that of the wallet that paid. It cannot be changed afterwards.

    """
