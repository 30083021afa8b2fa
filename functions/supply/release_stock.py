"""Give reservations back at an order's word."""

from functions.supply.domain.reserving import Reservation
from functions.supply.ports import SupplyWork
from functions.supply.returning import give_back
from shared.contracts.gen.supply_pb2 import ReleaseStockRequest, ReleaseStockResponse


def release_stock(request: ReleaseStockRequest, work: SupplyWork) -> ReleaseStockResponse:
    """Release each order's reservations that are live, bury those that are unknown, and say what became of them."""
    # All at once and in one order, so that two batches cannot block each other in a ring.
    work.stock.lock(sorted({line.supply_id for release in request.releases for line in release.lines}))
    outcomes = []
    for release in request.releases:
        wanted = [
            Reservation(
                line.reservation_id, release.order_id, line.supply_id, release.user_id, line.quantity, work.now()
            )
            for line in release.lines
        ]
        committed = give_back(wanted, release.reason, work)
        outcomes.append(ReleaseStockResponse.Outcome(order_id=release.order_id, released=not committed))
    return ReleaseStockResponse(outcomes=outcomes)
