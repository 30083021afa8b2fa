"""Opening a claim for whoever is faster than the event of their payment, and what its first voucher depends on."""

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.errors import AssetNotYours, NotClaimable
from functions.claiming.ports import ClaimingWork
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import NotFound


def see_it_open(order_id: str, caller: Caller, work: ClaimingWork) -> Claim:
    """The caller's claim, opened where it is not. Raises NotFound for another's order, NotClaimable, Unavailable."""
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
            claim = opening.claims.lock(order_id)
    return claim


def see_assets_sold(claim: Claim, work: ClaimingWork) -> None:
    """See to it that all that a claim hands out is its merchant's to sell. Raises AssetNotYours, Unavailable.

    The binding is looked at, not the chain: a contract that changes hands later must not strand who has paid.
    """
    items, merchant_id = claim.items, claim.merchant_id
    if not merchant_id or not all(item.supply_id for item in items):  # opened by a release that did not keep them
        bought = work.orders.bought(claim.order_id)
        items, merchant_id = bought.items, bought.merchant_id
    if not all(work.assets.sold_by(item, merchant_id) for item in items):
        raise AssetNotYours
