"""Change a supply's terms."""

from msgspec import UNSET

from functions.supply.asset_ownership import verify_ownership
from functions.supply.ports import SupplyWork
from functions.supply.requests import UpdateSupply
from functions.supply.views import SupplyView, phases_of
from shared.contracts.operations import Caller, Match


def update_supply(request: UpdateSupply, caller: Caller, match: Match, work: SupplyWork) -> SupplyView:
    """The supply on its new terms; orders already placed keep theirs, including the payout wallet.

    A supply of an earlier release, whose asset was never proven to be its merchant's, sells again once activated.
    Raises Malformed, NotFound, SupplyAlreadyArchived, Stale, IllegalStatus, AssetNotYours, Unavailable, Contended.
    """
    given = {name: getattr(request, name) for name in request.__struct_fields__ if name != "supply_id"}
    changes = {name: value for name, value in given.items() if value is not UNSET}
    if request.phases is not UNSET:
        changes["phases"] = phases_of(request.phases)
    before = work.supplies.owned(request.supply_id, caller.user_id).open()
    match.check(before.version)
    if request.payout_wallet_id is not UNSET and request.payout_wallet_id != before.payout_wallet_id:
        work.supplies.register_payout(before.id, caller.user_id, request.payout_wallet_id)
    if request.status == "active" and not work.supplies.proven(before.id):
        verify_ownership(before, work)
        work.supplies.mark_proven(before.id)
    after = before.changed(changes, at=work.now())
    if after is not before:
        work.supplies.update(after, after.differs_from(before))
    if after.published and not before.published:
        work.quotas.share(after, after.stock.quantity, caps=True)
    return SupplyView.of(after)
