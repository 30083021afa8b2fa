"""Close this cell for a supply that its home deletes."""

from functions.supply.ports import SupplyWork
from shared import ids
from shared.contracts.gen.supply_pb2 import CloseQuotaRequest, CloseQuotaResponse


def close_quota(request: CloseQuotaRequest, work: SupplyWork) -> CloseQuotaResponse:
    """Sell no more of it, unless units are reserved, and answer with all grants that the home has not received."""
    closed = work.quotas.close(request.supply_id, request.version)
    home = ids.parse(request.supply_id, "sup").cell
    return CloseQuotaResponse(closed=closed, grants=work.quotas.grants(request.supply_id, home, request.received))
