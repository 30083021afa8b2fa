"""Tell another cell what this one has given to it, for the audit."""

from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import SumGrantsRequest, SumGrantsResponse


def sum_grants(request: SumGrantsRequest, work: SupplyWork) -> SumGrantsResponse:
    """The sums of its grants of each supply, up to the version that the other cell has received."""
    sums = work.quotas.given_sums(request.receiver, {each.supply_id: each.version for each in request.streams})
    return SumGrantsResponse(
        sums=[
            SumGrantsResponse.Sum(
                supply_id=each.stream.supply_id, version=each.version, units=each.units, rights=each.rights
            )
            for each in sums
        ]
    )
