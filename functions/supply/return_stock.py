"""Put the units of a refunded order back on sale, if its merchant chose to restock."""

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderRefunded
from shared.errors import MeridianError, Unavailable


def return_stock(event: Event[OrderRefunded], work: SupplyWork) -> None:
    """Return the order's sold units to stock, once; without `restock` they stay sold.

    Raises Unavailable if one is not committed yet, MeridianError if one was released, which is a defect.
    """
    order = event.data
    if not order.restock:
        return
    work.stock.lock(sorted({item.supply_id for item in order.items}))
    reservation_ids = [ids.sibling(item.item_id, "rsv") for item in order.items]
    known = work.stock.find(reservation_ids)
    released = [reservation.id for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(f"{order.order_id} was paid, but {', '.join(released)} was released")
    if len(known) < len(reservation_ids) or any(reservation.status == "reserved" for reservation in known.values()):
        raise Unavailable(f"the reservations of {order.order_id} are not sold yet")
    work.stock.return_sold([reservation for reservation in known.values() if reservation.status == "committed"])
