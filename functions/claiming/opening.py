"""Opening a claim for whoever is faster than the event of their payment."""

from functions.claiming.domain.errors import NotClaimable
from functions.claiming.ports import ClaimingWork
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import NotFound


def see_it_open(order_id: str, caller: Caller, work: ClaimingWork) -> None:
    """See to it that the caller's claim is open. Raises NotFound for another's order, NotClaimable, Unavailable."""
    if not ids.valid(order_id, "ord"):
        raise NotFound("There is no such order.")
    with work.transaction() as reading:
        claim = reading.claims.of_order(order_id)
    owner = claim.user_id if claim else None
    if claim is None:
        bought = work.orders.bought(order_id)
        owner = bought.user_id
        if owner == caller.user_id and not bought.claimable:
            raise NotClaimable
    if owner != caller.user_id:
        raise NotFound("There is no such order.")
    if claim is None:
        with work.transaction() as opening:
            opening.claims.open(bought)
