"""Pay the merchant once what was bought is claimed."""

from functions.wallet.domain.ledger import Transfer, settlement
from functions.wallet.ports import WalletWork
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderClaimed
from shared.errors import Unavailable


def settle_order(event: Event[OrderClaimed], work: WalletWork) -> None:
    """Move the order's escrow to the payout wallets, less the fee; an escrow settles once.

    Raises Unavailable when the capture is not known yet.
    """
    order = event.data
    if order.total == "0":
        return  # nothing was paid
    amount = work.escrows.amount_to_settle(order.order_id)
    if amount is None:
        raise Unavailable(f"the payment of {order.order_id} is not known yet")
    if amount == 0:
        return  # settled or refunded
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="settlement",
        postings=settlement(
            order.currency, amount, [(p.wallet_id, int(p.amount)) for p in order.payouts], order.fee_bps
        ),
        created_at=work.now(),
        order_id=order.order_id,
    )
    work.ledger.post(transfer, [order.merchant_id])
    work.escrows.settle(order.order_id)
