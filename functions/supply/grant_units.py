"""Grant another cell units of a supply for which its requests wait."""

from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import GrantUnitsRequest, GrantUnitsResponse


def grant_units(request: GrantUnitsRequest, work: SupplyWork) -> GrantUnitsResponse:
    """Give what can be spared, and answer with all grants that the asker has not received, earlier ones too.

    An answer that is lost costs nothing: the bus brings the same grants.
    """
    work.quotas.give(request.supply_id, request.asker, request.units, request.phase, request.rights)
    return GrantUnitsResponse(grants=work.quotas.grants(request.supply_id, request.asker, request.received))
