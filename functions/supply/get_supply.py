"""Show a supply."""

from functions.supply.ports import ShowingWork
from functions.supply.views import SupplyView
from shared.contracts.fields import SupplyId
from shared.contracts.operations import Caller, Request


class GetSupply(Request):
    """Which supply to show."""

    supply_id: SupplyId


def get_supply(request: GetSupply, caller: Caller | None, work: ShowingWork) -> SupplyView:
    """The supply, to anybody, signed in or not. Raises NotFound, also for another merchant's draft."""
    return work.shown.show(request.supply_id, viewer=caller.user_id if caller else None)
