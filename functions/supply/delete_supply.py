"""Archive a supply: take it off sale for good."""

from functions.supply.ports import SupplyWork
from shared.contracts.operations import Caller, Request


class DeleteSupply(Request):
    """Which supply to archive."""

    supply_id: str


def delete_supply(request: DeleteSupply, caller: Caller, work: SupplyWork) -> None:
    """Archive a supply: sold units stay sold; archiving it again does nothing.

    Raises NotFound, SupplyInUse while units are reserved, Contended.
    """
    before = work.supplies.owned(request.supply_id, caller.user_id)
    after = before.archived(at=work.now())
    if after is not before:
        work.supplies.archive(after)
