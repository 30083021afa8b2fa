"""Release the reservations of ended orders at their events, in case the orders' own releases did not arrive."""

from collections import defaultdict
from collections.abc import Sequence

from functions.supply.domain.reservation import Reservation
from functions.supply.ports import SupplyWork
from functions.supply.stock_return import release_all
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderCancelled, OrderExpired, OrderFailed


def return_reserved(events: Sequence[Event[OrderFailed | OrderCancelled | OrderExpired]], work: SupplyWork) -> None:
    """Release the orders' open reservations, and write tombstones for missing ones."""
    ended: defaultdict[str, list[Reservation]] = defaultdict(list)
    for event in events:
        order = event.data
        ended[event.type.removeprefix("order.")] += [
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
    # All stock at once, whatever the reasons: see commit_stock.
    work.stock.lock(sorted({each.supply_id for reservations in ended.values() for each in reservations}))
    for reason, reservations in ended.items():
        release_all(reservations, reason, work)
