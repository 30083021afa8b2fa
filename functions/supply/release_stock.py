"""Release reservations at the order service's request."""

from functions.supply.domain.reservation import Reservation
from functions.supply.ports import SupplyWork
from functions.supply.stock_return import release_all
from shared.contracts.gen.supply_pb2 import ReleaseStockRequest, ReleaseStockResponse


def release_stock(request: ReleaseStockRequest, work: SupplyWork) -> ReleaseStockResponse:
    """Release each order's open reservations, write tombstones for missing ones, and report the outcome of each."""
    # Locked all at once and in a fixed order, so that two batches cannot deadlock.
    work.stock.lock(sorted({line.supply_id for release in request.releases for line in release.lines}))
    outcomes = []
    for release in request.releases:
        reservations = [
            Reservation(
                line.reservation_id, release.order_id, line.supply_id, release.user_id, line.quantity, work.now()
            )
            for line in release.lines
        ]
        committed = release_all(reservations, release.reason, work)
        outcomes.append(ReleaseStockResponse.Outcome(order_id=release.order_id, released=not committed))
    return ReleaseStockResponse(outcomes=outcomes)
