"""Commit the reservations of a paid order: the units are sold."""

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid
from shared.errors import MeridianError, Unavailable


def commit_stock(event: Event[OrderPaid], work: SupplyWork) -> None:
    """Commit the order's reservations; those committed before stay so.

    Raises Unavailable if one does not exist yet, MeridianError if one was released, which is a defect.
    """
    order = event.data
    work.stock.lock(sorted({item.supply_id for item in order.items}))
    reservation_ids = [ids.sibling(item.item_id, "rsv") for item in order.items]
    known = work.stock.find(reservation_ids)
    if len(known) < len(reservation_ids):
        raise Unavailable(f"the reservations of {order.order_id} do not exist yet")
    released = [reservation.id for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(f"{order.order_id} is paid, but {', '.join(released)} was released")
    work.stock.commit([reservation for reservation in known.values() if reservation.status == "reserved"])
