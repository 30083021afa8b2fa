"""Add units to a supply."""

from functions.supply.ports import SupplyWork
from functions.supply.views import SupplyView
from shared.contracts.fields import SupplyId
from shared.contracts.operations import Caller, Quantity, Request


class RestockSupply(Request):
    """Which supply, and how many units to add."""

    supply_id: SupplyId
    quantity: Quantity
    """How many units to add."""


def restock_supply(request: RestockSupply, caller: Caller, work: SupplyWork) -> SupplyView:
    """The supply with more units to sell. Raises NotFound, SupplyAlreadyArchived, QuantityTooLarge."""
    supply = work.supplies.owned(request.supply_id, caller.user_id).restocked(request.quantity)
    work.supplies.restock(supply, request.quantity)
    work.quotas.share(supply, request.quantity, caps=False)
    return SupplyView.of(supply)
