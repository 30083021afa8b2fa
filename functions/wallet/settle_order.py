"""Settle an order: pay the merchant once it was claimed or can no longer be refunded."""

from functions.wallet.domain.ledger import Transfer, settlement
from functions.wallet.domain.transit import elsewhere, leaving
from functions.wallet.ports import WalletWork
from functions.wallet.recipients import deliver
from shared.contracts.events import Event
from shared.contracts.gen.order_events_pb2 import OrderClaimed, OrderMatured
from shared.errors import Unavailable


def settle_order(event: Event[OrderClaimed | OrderMatured], work: WalletWork) -> None:
    """Move the order's escrow to the payout wallets, less the fee; an escrow is settled once.

    What is due to a closed wallet is credited to its owner's default wallet; what is due to a wallet of another cell
    is sent there. Raises Unavailable when the hold has not
    been captured yet, so that the event is delivered again.
    """
    order = event.data
    if order.total == "0":
        return  # nothing was paid
    escrow = work.escrows.lock(order.order_id)
    if escrow is None:
        raise Unavailable(f"the payment of {order.order_id} is not known yet")
    if escrow.status != "captured":
        return
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="settlement",
        postings=settlement(
            order.currency, escrow.amount, [(p.wallet_id, int(p.amount)) for p in order.payouts], order.fee_bps
        ),
        created_at=work.now(),
        order_id=order.order_id,
    )
    payees = [payout.wallet_id for payout in order.payouts]
    posted, movements = leaving(transfer, work.cell, dict.fromkeys(payees, order.merchant_id))
    deliver(posted, [wallet_id for wallet_id in payees if not elsewhere(wallet_id, work.cell)], work)
    work.escrows.end(order.order_id, "settled")
    work.transits.send(movements)
