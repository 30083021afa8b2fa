"""Void the claim of an order that is refunded, so that it can never be claimed."""

from functions.claiming.ports import ClaimWork
from shared import ids
from shared.contracts.gen.claiming_pb2 import VoidClaimRequest, VoidClaimResponse
from shared.errors import Malformed


def void_claim(request: VoidClaimRequest, work: ClaimWork) -> VoidClaimResponse:
    """Void the order's claim, or write a voided one if there is none; with a voucher it is too late.

    Every retry is answered alike. Raises Malformed for an id that is not an order's.
    """
    if not ids.valid(request.order_id, "ord"):
        raise Malformed("not the id of an order", field="order_id")
    if work.claims.write_tombstones(request.order_id, request.user_id, request.address):
        return VoidClaimResponse(voided=True)
    claim = before = work.claims.lock(request.order_id)
    if claim.status == "open":
        claim = claim.voided()
        work.claims.save(before, claim)
    return VoidClaimResponse(voided=not claim.visible)
