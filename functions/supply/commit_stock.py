"""Sell what was reserved for an order that is paid."""

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid
from shared.errors import MeridianError, Unavailable


def commit_stock(event: Event[OrderPaid], work: SupplyWork) -> None:
    """Turn the order's reservations into sales; those that are sold stay so.

    Raises Unavailable when one is not known yet, MeridianError when one was released: a paid order's never is.
    """
    order = event.data
    work.stock.lock(sorted({item.supply_id for item in order.items}))
    wanted = [ids.sibling(item.item_id, "rsv") for item in order.items]
    known = work.stock.find(wanted)
    if len(known) < len(wanted):
        raise Unavailable(f"the reservations of {order.order_id} are not known yet")
    released = [reservation.id for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(f"{order.order_id} is paid, but {', '.join(released)} was released")
    work.stock.commit([reservation for reservation in known.values() if reservation.status == "reserved"])
