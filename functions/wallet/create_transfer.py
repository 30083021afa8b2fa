"""Send money to another wallet."""

from functions.wallet.domain.errors import WalletIsClosed
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from functions.wallet.views import Reference, TransferView
from shared import ids
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed, NotFound
from shared.money import Amount, Currency


class CreateTransfer(Request):
    """The amount, and the wallets that it moves between."""

    from_wallet_id: str
    to_wallet_id: str
    currency: Currency
    amount: Amount
    reference: Reference = ""


def create_transfer(request: CreateTransfer, caller: Caller, work: WalletWork) -> TransferView:
    """Move money from one of the caller's wallets to any wallet, at once.

    Raises Malformed, NotFound, WalletIsClosed, InsufficientFunds, BalanceOverflow.
    """
    if request.amount == 0:
        raise Malformed("more than 0", field="amount")
    if request.from_wallet_id == request.to_wallet_id:
        raise Malformed("another wallet than from_wallet_id", field="to_wallet_id")
    payer = work.wallets.get(request.from_wallet_id, owner=caller.user_id)
    payee = (
        next(iter(work.wallets.find([request.to_wallet_id])), None) if ids.valid(request.to_wallet_id, "wal") else None
    )
    if payee is None:
        raise NotFound("There is no such wallet to send to.")
    if not (payer.open and payee.open):
        raise WalletIsClosed
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="transfer",
        postings=(
            Posting(payer.id, request.currency, -request.amount),
            Posting(payee.id, request.currency, request.amount),
        ),
        created_at=work.now(),
        reference=request.reference,
    )
    work.ledger.post(transfer, {payer.id: payer.user_id, payee.id: payee.user_id})
    return TransferView.of(transfer)
