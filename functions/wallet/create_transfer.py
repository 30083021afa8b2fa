"""Send money to another wallet."""

from functions.wallet.domain.errors import WalletIsClosed
from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.domain.transit import RemoteWallet, elsewhere, leaving
from functions.wallet.domain.wallet import Wallet
from functions.wallet.ports import WalletWork
from functions.wallet.requests import CreateTransfer
from functions.wallet.views import TransferView
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import Malformed, NotFound


def create_transfer(request: CreateTransfer, caller: Caller, work: WalletWork) -> TransferView:
    """Move money from one of the caller's wallets to any wallet: at once or, to another cell's, as soon as it is told.

    Raises Malformed, NotFound, WalletIsClosed, InsufficientFunds, BalanceOverflow; Unavailable if its cell is.
    """
    if request.amount == 0:
        raise Malformed("must be more than 0", field="amount")
    if request.from_wallet_id == request.to_wallet_id:
        raise Malformed("must be another wallet than from_wallet_id", field="to_wallet_id")
    payer = work.wallets.get(request.from_wallet_id, owner=caller.user_id)
    payee = _payee(request.to_wallet_id, work)
    if not (payer.open and payee.open):
        raise WalletIsClosed
    moved = ((payer.id, -request.amount), (payee.id, int(request.amount)))
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="transfer",
        postings=tuple(Posting(wallet_id, request.currency, amount) for wallet_id, amount in moved),
        created_at=work.now(),
        reference=request.reference,
    )
    owners = {payer.id: payer.user_id, payee.id: payee.user_id}
    posted, movements = leaving(transfer, work.cell, owners, (payer.id, payer.user_id))
    work.ledger.post(posted, {leg.account: owners[leg.account] for leg in posted.postings if not leg.system})
    work.transits.send(movements)
    return TransferView.of(posted)


def _payee(wallet_id: str, work: WalletWork) -> Wallet | RemoteWallet:
    """The wallet to send to. Another cell is asked before anything is locked."""
    away = elsewhere(wallet_id, work.cell)
    known = [] if away or not ids.valid(wallet_id, "wal") else work.wallets.find([wallet_id])
    found = work.other_cells.wallet(wallet_id) if away else next(iter(known), None)
    if found is None:
        raise NotFound("There is no such wallet to send to.")
    return found
