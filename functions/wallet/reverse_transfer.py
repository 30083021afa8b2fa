"""Reverse a transfer, as an operator."""

from functions.wallet.domain.ledger import reversal
from functions.wallet.ports import WalletWork
from functions.wallet.views import TransferView
from shared.contracts.fields import TransferId
from shared.contracts.operations import Caller, Request


class ReverseTransfer(Request):
    """Which transfer to reverse."""

    transfer_id: TransferId


def reverse_transfer(request: ReverseTransfer, caller: Caller, work: WalletWork) -> TransferView:
    """Move the same money back, once; the transfer itself is not changed.

    Raises NotFound, NotReversible, AlreadyReversed, WalletIsClosed, InsufficientFunds, BalanceOverflow.
    """
    back = reversal(work.ledger.find(request.transfer_id), work.new_id("trf"), work.now())
    wallets = work.wallets.find([leg.account for leg in back.postings if not leg.system])
    work.ledger.post(back, {wallet.id: wallet.user_id for wallet in wallets})
    return TransferView.of(back)
