"""Add units to a supply."""

from functions.supply.ports import SupplyWork
from functions.supply.views import SupplyView
from shared.contracts.operations import Caller, Quantity, Request


class RestockSupply(Request):
    """How many more there are."""

    supply_id: str
    quantity: Quantity


def restock_supply(request: RestockSupply, caller: Caller, work: SupplyWork) -> SupplyView:
    """The supply with more units to sell. Raises NotFound, SupplyArchived, QuantityTooLarge."""
    supply = work.supplies.owned(request.supply_id, caller.user_id).restocked(request.quantity)
    work.supplies.restock(supply, request.quantity)
    return SupplyView.of(supply)
