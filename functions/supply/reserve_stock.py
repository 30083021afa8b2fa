"""Reserve stock for orders."""

from collections.abc import Mapping
from datetime import UTC

from functions.supply.domain.entitlement import Entitlement
from functions.supply.domain.reservation import Line, Reservation, StockRequest, reserve
from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import ReserveRequest, ReserveResponse
from shared.errors import Malformed

RELEASED = ("STOCK_RELEASED", "The reservation was released before it was made.")
SOLD_OUT = "SOLD_OUT"  # the least serious refusal: there is no other reason then


def reserve_stock(request: ReserveRequest, work: SupplyWork) -> ReserveResponse:
    """Reserve all lines of each order or none, with the reason if none; a repeat returns the first outcome.

    An order whose reservations were already released is refused: nothing would ever release a late reservation. What is
    sold out in this cell alone is refused as short.
    Raises Malformed for an order without lines, a line without units, or lines of one supply entitled differently.
    """
    requests = {order.order_id: _stock_request(order) for order in request.orders}  # a duplicate in a batch counts once
    supply_ids = sorted({line.supply_id for order in request.orders for line in order.lines})
    work.stock.lock(supply_ids)
    known, on_sale, taken = work.stock.read(
        supply_ids,
        [line.reservation_id for order in request.orders for line in order.lines],
        sorted({order.user_id for order in request.orders}),
    )
    new = [order for order in requests.values() if order.lines[0].reservation_id not in known]
    decided = reserve(new, on_sale, taken)
    work.stock.reserve(decided.reserved)
    shared = work.quotas.shared()
    return ReserveResponse(outcomes=[_outcome(order, known, decided.refused, shared) for order in request.orders])


def _stock_request(order: ReserveRequest.Order) -> StockRequest:
    if not order.lines or not all(line.quantity for line in order.lines):
        raise Malformed("an order asks for at least one unit in each of its lines", field="lines")
    lines = tuple(
        Line(line.reservation_id, line.supply_id, line.quantity, Entitlement(line.phase, line.listed, line.limit))
        for line in order.lines
    )
    if len({(line.supply_id, line.entitled) for line in lines}) > len({line.supply_id for line in lines}):
        raise Malformed("lines of one supply are entitled alike", field="lines")
    return StockRequest(order.order_id, order.user_id, lines, order.expires_at.ToDatetime(UTC))


def _outcome(
    order: ReserveRequest.Order,
    known: Mapping[str, Reservation],
    refused: Mapping[str, tuple[str, str]],
    shared: bool,  # whether other cells may have units, too
) -> ReserveResponse.Outcome:
    before = known.get(order.lines[0].reservation_id)
    refusal = RELEASED if before and before.status == "released" else refused.get(order.order_id, ("", ""))
    short = shared and refusal[0] == SOLD_OUT
    return ReserveResponse.Outcome(order_id=order.order_id, refusal=refusal[0], detail=refusal[1], short=short)
