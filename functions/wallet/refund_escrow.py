"""Refund an order: pay its escrow back to the buyer."""

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from functions.wallet.recipients import deliver
from shared.contracts.gen.wallet_pb2 import RefundRequest, RefundResponse
from shared.errors import NotFound


def refund_escrow(request: RefundRequest, work: WalletWork) -> RefundResponse:
    """Move the order's escrow to the wallet that paid, once. Raises NotFound for an order that was never paid."""
    escrow = work.escrows.lock(request.order_id)
    if escrow is None:
        raise NotFound(f"There is no payment of {request.order_id}.")
    if escrow.status == "settled":
        return RefundResponse(state=RefundResponse.STATE_SETTLED)
    if escrow.status == "captured":
        transfer = Transfer(
            id=work.new_id("trf"),
            kind="refund",
            postings=(
                Posting("escrow", escrow.currency, -escrow.amount),
                Posting(request.wallet_id, escrow.currency, escrow.amount),
            ),
            created_at=work.now(),
            order_id=escrow.order_id,
        )
        deliver(transfer, [request.wallet_id], work)
        work.escrows.end(escrow.order_id, "refunded")
    return RefundResponse(state=RefundResponse.STATE_REFUNDED)
