"""Change a supply's terms."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from functions.supply.asset_ownership import verify_ownership
from functions.supply.ports import SupplyWork
from functions.supply.views import Description, Phases, SupplyView, Title, phases_of
from shared.contracts.operations import Caller, Match, Quantity, Request
from shared.money import Amount


class UpdateSupply(Request):
    """What to change: absent fields stay as they are. `phases` replaces all phases; a limit of null removes it."""

    supply_id: str
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    unit_price: Amount | UnsetType = UNSET
    per_user_limit: Quantity | UnsetType | None = UNSET
    phases: Phases | UnsetType = UNSET
    status: (
        Annotated[
            Literal["draft", "active", "paused"],
            msgspec.Meta(description="A draft can be activated; an active supply can be paused, and resumed."),
        ]
        | UnsetType
    ) = UNSET
    payout_wallet_id: str | UnsetType = UNSET


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
