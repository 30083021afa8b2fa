"""List the ledger of one of the caller's wallets."""

from functions.wallet.ports import WalletWork
from functions.wallet.views import EntryView
from shared.contracts.fields import WalletId
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListEntries(PageRequest, kw_only=True):
    """Whose ledger to list."""

    wallet_id: WalletId


def list_entries(request: ListEntries, caller: Caller, work: WalletWork) -> Page[EntryView]:
    """The wallet's entries, newest first. Raises NotFound."""
    after = request.after("ent")
    wallet = work.wallets.get(request.wallet_id, owner=caller.user_id)
    return page(list(work.ledger.entries(wallet.id, after, request.limit + 1)), request.limit, "id")
