"""Credits wallets that may have been closed meanwhile: their owners' default wallets are credited instead."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from functions.wallet.domain.errors import WalletIsClosed
from functions.wallet.domain.ledger import Transfer, redirected
from functions.wallet.ports import WalletWork
from shared.errors import Contended


def deliver(transfer: Transfer, wallet_ids: Sequence[str], work: WalletWork) -> None:
    """Post a transfer, with credits to closed wallets redirected to their owners' default wallets.

    wallet_ids: the wallets that the transfer credits. Raises BalanceOverflow; Contended when a wallet was closed at the
    same moment: the next attempt sees it closed.
    """
    recipients = work.wallets.recipients(wallet_ids)
    redirected_transfer = replace(
        transfer, postings=redirected(transfer.postings, {meant: to.id for meant, to in recipients.items()})
    )
    owners: Mapping[str, str] = {wallet.id: wallet.user_id for wallet in recipients.values()}
    try:
        work.ledger.post(redirected_transfer, owners)
    except WalletIsClosed as closed:
        raise Contended from closed
