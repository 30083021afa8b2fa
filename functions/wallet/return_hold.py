"""Give back what was set aside for an order that came to nothing; repeats what the order itself has asked."""

from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderCancelled, OrderExpired, OrderFailed


def return_hold(event: Event[OrderFailed | OrderCancelled | OrderExpired], work: WalletWork) -> None:
    """Release the order's hold if it is placed, bury it if it is unknown."""
    hold_id = event.data.hold_id
    if not hold_id:
        return  # there was nothing to pay
    reason = {hold_id: event.type.removeprefix("order.")}
    hold = work.holds.lock([hold_id]).get(hold_id)
    if hold is None:
        work.holds.bury({hold_id: event.data.order_id}, reason)
    elif hold.status == "placed":
        work.holds.release([hold], reason)
