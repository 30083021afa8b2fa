"""Post an operator's transfers: between wallets, and between wallets and the platform's own accounts."""

from functions.wallet.domain.errors import SpansCells
from functions.wallet.domain.ledger import ADJUSTMENT, PLATFORM_ACCOUNTS, Posting, Transfer
from functions.wallet.domain.transit import elsewhere
from functions.wallet.ports import WalletWork
from functions.wallet.requests import Adjustment, PostTransfers
from functions.wallet.views import TransfersView, TransferView
from shared.contracts.operations import Caller
from shared.errors import Malformed, NotFound


def post_transfers(request: PostTransfers, caller: Caller, work: WalletWork) -> TransfersView:
    """Post all of the transfers or none; a later one may spend what an earlier one brings in.

    A closed wallet cannot be credited, only debited. Raises Malformed, NotFound, SpansCells, WalletIsClosed,
    InsufficientFunds, also for more than a system account has, and BalanceOverflow.
    """
    for place, adjustment in enumerate(request.transfers):
        if adjustment.amount == 0:
            raise Malformed("must be more than 0", field=f"transfers[{place}].amount")
        if adjustment.from_account == adjustment.to_account:
            raise Malformed("must be another account than from_account", field=f"transfers[{place}].to_account")
    named = {side for each in request.transfers for side in (each.from_account, each.to_account)} - PLATFORM_ACCOUNTS
    if any(elsewhere(account, work.cell) for account in named):
        raise SpansCells
    owners = {wallet.id: wallet.user_id for wallet in work.wallets.find(sorted(named))}
    if named - owners.keys():
        raise NotFound("There is no such account.")
    made = [_transfer(adjustment, work) for adjustment in request.transfers]
    work.ledger.post_linked(
        [(each, {leg.account: owners[leg.account] for leg in each.postings if not leg.system}) for each in made]
    )
    return TransfersView([TransferView.of(each) for each in made])


def _transfer(adjustment: Adjustment, work: WalletWork) -> Transfer:
    legs = ((adjustment.from_account, -adjustment.amount), (adjustment.to_account, int(adjustment.amount)))
    postings = tuple(Posting(account, adjustment.currency, amount) for account, amount in legs)
    return Transfer(work.new_id("trf"), ADJUSTMENT, postings, work.now(), adjustment.reference)
