"""See to it that an order is never claimed."""

from functions.claiming.ports import ClaimWork
from shared import ids
from shared.contracts.gen.claiming_pb2 import VoidClaimRequest, VoidClaimResponse
from shared.errors import Malformed


def void_claim(request: VoidClaimRequest, work: ClaimWork) -> VoidClaimResponse:
    """Take the one row of the order, made now where there is none; with a voucher it is too late.

    The same answer on every try. Raises Malformed for what is no order.
    """
    if not ids.valid(request.order_id, "ord"):
        raise Malformed("not the id of an order", field="order_id")
    if work.claims.bury(request.order_id, request.user_id, request.address):
        return VoidClaimResponse(voided=True)
    claim = before = work.claims.lock(request.order_id)
    if claim.status == "open":
        claim = claim.voided()
        work.claims.save(before, claim)
    return VoidClaimResponse(voided=not claim.shown)
