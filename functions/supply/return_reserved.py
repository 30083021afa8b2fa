"""Release the reservations of an ended order at its event, in case the order's own release did not arrive."""

from functions.supply.domain.reservation import Reservation
from functions.supply.ports import SupplyWork
from functions.supply.stock_return import release_all
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderCancelled, OrderExpired, OrderFailed


def return_reserved(event: Event[OrderFailed | OrderCancelled | OrderExpired], work: SupplyWork) -> None:
    """Release the order's open reservations, and write tombstones for missing ones."""
    order = event.data
    reservations = [
        Reservation(
            ids.sibling(item.item_id, "rsv"),
            order.order_id,
            item.supply_id,
            order.user_id,
            item.quantity,
            work.now(),
        )
        for item in order.items
    ]
    release_all(reservations, event.type.removeprefix("order."), work)
