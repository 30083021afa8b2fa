"""Release the hold of an order that failed, expired or was cancelled; it repeats the order's own ReleaseHold."""

from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderCancelled, OrderExpired, OrderFailed


def return_hold(event: Event[OrderFailed | OrderCancelled | OrderExpired], work: WalletWork) -> None:
    """Release the order's hold if it is placed; write a tombstone if it is unknown."""
    hold_id = event.data.hold_id
    if not hold_id:
        return  # there was nothing to pay
    reason = {hold_id: event.type.removeprefix("order.")}
    hold = work.holds.lock([hold_id]).get(hold_id)
    if hold is None:
        work.holds.write_tombstones({hold_id: event.data.order_id}, reason)
    elif hold.status == "placed":
        work.holds.release([hold], reason)
