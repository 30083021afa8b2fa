"""Open the claims of paid orders."""

from collections.abc import Sequence

from functions.claiming.domain.claim import Item
from functions.claiming.ports import ClaimOrder, ClaimWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid


def open_claim(events: Sequence[Event[OrderPaid]], work: ClaimWork) -> None:
    """Open the orders' claims, unless buyers' own requests have opened them already."""
    work.claims.open([_paid(event.data) for event in events])


def _paid(order: OrderPaid) -> ClaimOrder:
    items = tuple(
        Item(item.chain_id, item.contract, int(item.token_id), item.quantity, item.supply_id) for item in order.items
    )
    return ClaimOrder(
        order.order_id, order.user_id, order.address, items, claimable=True, merchant_id=order.merchant_id
    )
