"""Put the units of refunded orders back on sale, if their merchants chose to restock."""

from collections.abc import Sequence

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderRefunded
from shared.errors import MeridianError, Unavailable


def return_stock(events: Sequence[Event[OrderRefunded]], work: SupplyWork) -> None:
    """Return the orders' sold units to stock, once; without `restock` they stay sold.

    Raises Unavailable if one is not committed yet, MeridianError if one was released, which is a defect.
    """
    orders = [event.data for event in events if event.data.restock]
    if not orders:
        return
    work.stock.lock(sorted({item.supply_id for order in orders for item in order.items}))
    wanted = {ids.sibling(item.item_id, "rsv"): order.order_id for order in orders for item in order.items}
    known = work.stock.find(list(wanted))
    released = [reservation for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(f"{released[0].order_id} was paid, but {', '.join(r.id for r in released)} was released")
    sold = {reservation.id for reservation in known.values() if reservation.status != "reserved"}
    unsold = sorted({order_id for reservation_id, order_id in wanted.items() if reservation_id not in sold})
    if unsold:
        raise Unavailable(f"the reservations of {', '.join(unsold)} are not sold yet")
    work.stock.return_sold([reservation for reservation in known.values() if reservation.status == "committed"])
