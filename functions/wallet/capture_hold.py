"""Capture the hold of a confirmed order into escrow: the pivot of a purchase, after which nothing is undone."""

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderConfirmed
from shared.errors import Unavailable


def capture_hold(event: Event[OrderConfirmed], work: WalletWork) -> None:
    """Move the held funds into the order's escrow; a hold that was released by a cancellation first stays released.

    Raises Unavailable when the hold does not exist yet, so that the event is delivered again.
    """
    order = event.data
    if not order.hold_id:
        return  # nothing to pay
    hold = work.holds.lock([order.hold_id]).get(order.hold_id)
    if hold is None:
        raise Unavailable(f"hold {order.hold_id} is not known yet")
    if hold.status != "placed":
        return
    paying, _ = hold.capture(hold.amount, work.now())
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="capture",
        postings=(paying, Posting("escrow", hold.currency, hold.amount)),
        created_at=work.now(),
        order_id=order.order_id,
    )
    work.ledger.post(transfer, {hold.wallet_id: hold.user_id})
    work.holds.capture(hold, transfer.id)
    work.escrows.open(order.order_id, hold.currency, hold.amount)
