"""Put what a refunded order had bought on sale again, where its merchant wants that."""

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderRefunded
from shared.errors import MeridianError, Unavailable


def return_stock(event: Event[OrderRefunded], work: SupplyWork) -> None:
    """Return the order's sold units to stock, once; without `restock` they stay sold.

    Raises Unavailable when one is not known to be sold yet, MeridianError when one was released: a paid order's never
    is.
    """
    order = event.data
    if not order.restock:
        return
    work.stock.lock(sorted({item.supply_id for item in order.items}))
    wanted = [ids.sibling(item.item_id, "rsv") for item in order.items]
    known = work.stock.find(wanted)
    released = [reservation.id for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(f"{order.order_id} was paid, but {', '.join(released)} was released")
    if len(known) < len(wanted) or any(reservation.status == "reserved" for reservation in known.values()):
        raise Unavailable(f"the reservations of {order.order_id} are not sold yet")
    work.stock.give_back([reservation for reservation in known.values() if reservation.status == "committed"])
