"""Give back what was reserved for an order that came to nothing; repeats what the order itself has asked."""

from functions.supply.domain.reserving import Reservation
from functions.supply.ports import SupplyWork
from functions.supply.returning import give_back
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderCancelled, OrderExpired, OrderFailed


def return_reserved(event: Event[OrderFailed | OrderCancelled | OrderExpired], work: SupplyWork) -> None:
    """Release the order's reservations that are live, bury those that are unknown."""
    order = event.data
    wanted = [
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
    give_back(wanted, event.type.removeprefix("order."), work)
