"""Wait for units of an order that this cell lacks, asking other cells for them."""

from collections import Counter

from functions.supply.ports import CellsWork
from shared.contracts.gen.supply_pb2 import RequestUnitsRequest, RequestUnitsResponse


def request_units(request: RequestUnitsRequest, work: CellsWork) -> RequestUnitsResponse:
    """Whether they are here now; for 300 ms at most, and not at all once every other cell has none to spare."""
    wanted: Counter[str] = Counter()
    for line in request.lines:
        wanted[line.supply_id] += line.quantity
    return RequestUnitsResponse(ready=work.peers.gather(request.order_id, wanted))
