"""Commit the reservations of paid orders: the units are sold."""

from collections.abc import Sequence

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderPaid
from shared.errors import MeridianError, Unavailable


def commit_stock(events: Sequence[Event[OrderPaid]], work: SupplyWork) -> None:
    """Commit the orders' reservations; those committed before stay so.

    Raises Unavailable if one does not exist yet, MeridianError if one was released, which is a defect.
    """
    orders = [event.data for event in events]
    # All stock at once: what several transactions lock one after the other, each in its order, ends in a deadlock.
    work.stock.lock(sorted({item.supply_id for order in orders for item in order.items}))
    wanted = {ids.sibling(item.item_id, "rsv"): order.order_id for order in orders for item in order.items}
    known = work.stock.find(list(wanted))
    if missing := [order_id for reservation_id, order_id in wanted.items() if reservation_id not in known]:
        raise Unavailable(f"the reservations of {', '.join(sorted(set(missing)))} do not exist yet")
    released = [reservation for reservation in known.values() if reservation.status == "released"]
    if released:
        raise MeridianError(
            f"{released[0].order_id} is paid, but {', '.join(each.id for each in released)} was released"
        )
    work.stock.commit([reservation for reservation in known.values() if reservation.status == "reserved"])
