"""Opens a claim that is requested before `order.paid` has arrived, and checks what its first voucher depends on."""

from functions.claiming.domain.claim import Claim
from functions.claiming.domain.errors import AssetNotYours, NotClaimable
from functions.claiming.ports import ClaimingWork
from shared import ids
from shared.contracts.operations import Caller
from shared.errors import NotFound


def ensure_open(order_id: str, caller: Caller, work: ClaimingWork) -> Claim:
    """The caller's claim, opened if need be. Raises NotFound for another user's order, NotClaimable, Unavailable."""
    if not ids.valid(order_id, "ord"):
        raise NotFound("There is no such order.")
    with work.transaction() as reading:
        claim = reading.claims.of_order(order_id)
    owner = claim.user_id if claim else None
    if claim is None:
        order = work.orders.for_claim(order_id)
        owner = order.user_id
        if owner == caller.user_id and not order.claimable:
            raise NotClaimable
    if owner != caller.user_id:
        raise NotFound("There is no such order.")
    if claim is None:
        with work.transaction() as opening:
            opening.claims.open([order])
            claim = opening.claims.lock(order_id)
    return claim


def ensure_assets_bound(claim: Claim, work: ClaimingWork) -> None:
    """Ensure that all assets of a claim are bound to its merchant. Raises AssetNotYours, Unavailable.

    The binding is checked, not the chain: a buyer who has paid must not be stranded by a contract that changes owner.
    """
    items, merchant_id = claim.items, claim.merchant_id
    if not merchant_id or not all(item.supply_id for item in items):  # opened by a release that did not keep them
        order = work.orders.for_claim(claim.order_id)
        items, merchant_id = order.items, order.merchant_id
    if not all(work.assets.sold_by(item, merchant_id) for item in items):
        raise AssetNotYours
