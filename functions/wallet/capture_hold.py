"""Capture the holds of confirmed orders into escrow: the pivot of a purchase, after which nothing is undone."""

from collections.abc import Sequence

from functions.wallet.domain.holds import Capture, Hold
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderConfirmed
from shared.errors import Unavailable


def capture_hold(events: Sequence[Event[OrderConfirmed]], work: WalletWork) -> None:
    """Move the held funds into the orders' escrows; a hold that was released by a cancellation first stays released.

    Raises Unavailable when a hold does not exist yet, so that the event is delivered again.
    """
    hold_ids = [event.data.hold_id for event in events if event.data.hold_id]  # else there is nothing to pay
    known = work.holds.lock(hold_ids) if hold_ids else {}
    if missing := sorted(set(hold_ids) - known.keys()):
        raise Unavailable(f"hold {', '.join(missing)} is not known yet")
    captured = [(hold, _into_escrow(hold, work)) for hold in known.values() if hold.status == "placed"]
    if not captured:
        return
    work.ledger.post_linked([(transfer, {hold.wallet_id: hold.user_id}) for hold, transfer in captured])
    work.holds.capture([Capture(hold, transfer.id, hold.amount) for hold, transfer in captured])
    work.escrows.open([(hold.order_id, hold.currency, hold.amount) for hold, _ in captured])


def _into_escrow(hold: Hold, work: WalletWork) -> Transfer:
    """The transfer of a hold into its order's escrow. Raises HoldEnded."""
    paying, _ = hold.capture(hold.amount, work.now())
    return Transfer(
        id=work.new_id("trf"),
        kind="capture",
        postings=(paying, Posting("escrow", hold.currency, hold.amount)),
        created_at=work.now(),
        order_id=hold.order_id,
    )
