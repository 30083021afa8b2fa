"""How money reaches wallets that may have closed meanwhile: it then goes to their owners' default wallets."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from functions.wallet.domain.errors import WalletClosed
from functions.wallet.domain.ledger import Transfer, redirected
from functions.wallet.ports import WalletWork
from shared.errors import Contended


def deliver(transfer: Transfer, wallet_ids: Sequence[str], work: WalletWork) -> None:
    """Move money to wallets, or to those that stand in for closed ones.

    wallet_ids: those that the transfer credits. Raises BalanceOverflow; Contended when one closed at that moment, which
    the next try finds closed.
    """
    receivers = work.wallets.receivers(wallet_ids)
    sent = replace(transfer, postings=redirected(transfer.postings, {meant: to.id for meant, to in receivers.items()}))
    owners: Mapping[str, str] = {wallet.id: wallet.user_id for wallet in receivers.values()}
    try:
        work.ledger.post(sent, owners)
    except WalletClosed as closed:
        raise Contended from closed
