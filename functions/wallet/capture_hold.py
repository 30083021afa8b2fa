"""Pay a confirmed order from what was set aside for it: the pivot of a purchase."""

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderConfirmed
from shared.errors import Unavailable


def capture_hold(event: Event[OrderConfirmed], work: WalletWork) -> None:
    """Move the held funds into the order's escrow; a hold that a cancellation released first stays released.

    Raises Unavailable when the hold is not known yet.
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
