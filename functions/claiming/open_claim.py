"""A paid order may be claimed."""

from functions.claiming.domain.claim import Item
from functions.claiming.ports import Bought, ClaimWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid


def open_claim(event: Event[OrderPaid], work: ClaimWork) -> None:
    """Open the order's claim, unless the buyer was faster."""
    order = event.data
    items = tuple(
        Item(item.chain_id, item.contract, int(item.token_id), item.quantity, item.supply_id) for item in order.items
    )
    bought = Bought(order.order_id, order.user_id, order.address, items, claimable=True, merchant_id=order.merchant_id)
    work.claims.open(bought)
