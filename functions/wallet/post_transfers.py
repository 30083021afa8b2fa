"""Move money in an operator's name: between wallets, and between wallets and the house's own accounts."""

from typing import Annotated

import msgspec

from functions.wallet.domain.ledger import ADJUSTMENT, HOUSE, Posting, Transfer
from functions.wallet.ports import WalletWork
from functions.wallet.views import Reference, TransfersView, TransferView
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed, NotFound
from shared.money import Amount, Currency


class Adjustment(Request):
    """How much goes from where to where: a wallet's id, `fees` or `losses`."""

    from_account: str
    to_account: str
    currency: Currency
    amount: Amount
    reference: Reference = ""


class PostTransfers(Request):
    """The transfers, which are made together or not at all."""

    transfers: Annotated[list[Adjustment], msgspec.Meta(min_length=1, max_length=100)]


def post_transfers(request: PostTransfers, caller: Caller, work: WalletWork) -> TransfersView:
    """Make all of the transfers or none; what one brings to a wallet, a later one may take.

    A closed wallet is paid nothing; what is in it already may be taken out. Raises Malformed, NotFound, WalletClosed,
    InsufficientFunds, also for more than an account of the house's has, and BalanceOverflow.
    """
    for place, asked in enumerate(request.transfers):
        if asked.amount == 0:
            raise Malformed("more than 0", field=f"transfers[{place}].amount")
        if asked.from_account == asked.to_account:
            raise Malformed("another account than from_account", field=f"transfers[{place}].to_account")
    named = {account for asked in request.transfers for account in (asked.from_account, asked.to_account)} - HOUSE
    wallets = work.wallets.find(sorted(named))
    owners = {wallet.id: wallet.user_id for wallet in wallets}
    if named - owners.keys():
        raise NotFound("There is no such account.")
    made = [_transfer(asked, work) for asked in request.transfers]
    work.ledger.post_linked(
        [(each, {leg.account: owners[leg.account] for leg in each.postings if not leg.system}) for each in made]
    )
    return TransfersView([TransferView.of(each) for each in made])


def _transfer(asked: Adjustment, work: WalletWork) -> Transfer:
    legs = ((asked.from_account, -asked.amount), (asked.to_account, int(asked.amount)))
    postings = tuple(Posting(account, asked.currency, amount) for account, amount in legs)
    return Transfer(work.new_id("trf"), ADJUSTMENT, postings, work.now(), asked.reference)
