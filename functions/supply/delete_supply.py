"""Archive a supply: take it off sale for good."""

from functions.supply.domain.errors import SupplyInUse
from functions.supply.domain.supply import Supply
from functions.supply.ports import CellsWork
from shared.contracts.fields import SupplyId
from shared.contracts.operations import Caller, Request
from shared.errors import Contended


class DeleteSupply(Request):
    """Which supply to archive."""

    supply_id: SupplyId


def delete_supply(request: DeleteSupply, caller: Caller, work: CellsWork) -> None:
    """Archive a supply: sold units stay sold; archiving it again does nothing.

    Other cells sell it too, so it is paused, every cell closes, and only then is it archived. If one does not close, it
    stays paused, for a repeat or until its merchant makes it active again. Raises NotFound, SupplyInUse while units are
    reserved, Unavailable while a cell does not answer, Contended.
    """
    paused = _archive_or_pause(request.supply_id, caller.user_id, work)
    if paused is None:
        return
    for cell in work.peers.names:
        if not work.peers.close(cell, paused.id, paused.version):
            raise SupplyInUse
    with work.transaction() as ending:
        before = ending.supplies.owned(paused.id, caller.user_id)
        if before.status != "archived":
            if before.version != paused.version:
                raise Contended
            ending.supplies.archive(before.archived(at=ending.now()))


def _archive_or_pause(supply_id: str, merchant: str, work: CellsWork) -> Supply | None:
    """Archive a supply that only this cell sells, pause any other. Returns the paused one; None once it is archived."""
    with work.transaction() as beginning:
        before = beginning.supplies.owned(supply_id, merchant)
        archived = before.archived(at=beginning.now())  # refused while units are reserved, as far as is known here
        if archived is before:
            return None
        if not (before.published and work.peers.names):
            beginning.supplies.archive(archived)
            return None
        if before.status == "paused":
            return before
        paused = before.changed({"status": "paused"}, at=beginning.now())
        beginning.supplies.update(paused, paused.differs_from(before))
        return paused
