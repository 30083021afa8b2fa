"""Credit a wallet with play money; on the local stack only."""

from functions.wallet.domain.ledger import Posting, Transfer
from functions.wallet.ports import WalletWork
from functions.wallet.views import TransferView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed
from shared.money import Amount, Currency


class Faucet(Request):
    """The wallet, and the amount to credit."""

    wallet_id: WalletId
    """The caller's wallet to credit."""

    currency: Currency
    """The currency of the amount."""

    amount: Amount
    """How much, in atomic units; more than 0."""


def faucet(request: Faucet, caller: Caller, work: WalletWork) -> TransferView:
    """Credit the wallet from the faucet account. Raises NotFound, Malformed, WalletIsClosed, BalanceOverflow."""
    if request.amount == 0:
        raise Malformed("must be more than 0", field="amount")
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    transfer = Transfer(
        id=work.new_id("trf"),
        kind="faucet",
        postings=(
            Posting("faucet", request.currency, -request.amount),
            Posting(wallet.id, request.currency, request.amount),
        ),
        created_at=work.now(),
    )
    work.ledger.post(transfer, {wallet.id: wallet.user_id})
    return TransferView.of(transfer)
