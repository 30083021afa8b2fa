"""Open the claim of a paid order."""

from functions.claiming.domain.claim import Item
from functions.claiming.ports import ClaimOrder, ClaimWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid


def open_claim(event: Event[OrderPaid], work: ClaimWork) -> None:
    """Open the order's claim, unless the buyer's own request has opened it already."""
    order = event.data
    items = tuple(
        Item(item.chain_id, item.contract, int(item.token_id), item.quantity, item.supply_id) for item in order.items
    )
    paid = ClaimOrder(
        order.order_id, order.user_id, order.address, items, claimable=True, merchant_id=order.merchant_id
    )
    work.claims.open(paid)
