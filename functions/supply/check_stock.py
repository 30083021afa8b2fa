"""Tell the order service whether a buyer may have units of supplies, and why not."""

from functions.supply.buying import judge, proofs_of
from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import CheckRequest, CheckResponse


def check_stock(request: CheckRequest, work: SupplyWork) -> CheckResponse:
    """For each supply that the buyer may see, every reason against the units wanted. Raises Malformed."""
    wanted = {line.supply_id: line.quantity for line in request.lines}
    found = [supply for supply in work.supplies.find(list(wanted)) if supply.visible_to(request.user_id)]
    judged = judge(
        [(supply, wanted[supply.id]) for supply in found],
        request.user_id,
        request.address,
        proofs_of(request.proofs),
        work,
    )
    return CheckResponse(
        outcomes=[
            CheckResponse.Outcome(
                supply_id=each.supply_id,
                reasons=each.reasons,
                unit_price=str(int(each.unit_price)),
                limit_remaining=each.limit_remaining,
                phase=each.phase,
            )
            for each in judged
        ]
    )
