"""Tell the order service whether a buyer may buy units of supplies, and if not, why."""

from functions.supply.eligibility import assess, proofs_of
from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import CheckRequest, CheckResponse


def check_stock(request: CheckRequest, work: SupplyWork) -> CheckResponse:
    """For each supply that the buyer may see, every reason against the requested units. Raises Malformed."""
    units = {line.supply_id: line.quantity for line in request.lines}
    found = [supply for supply in work.supplies.find(list(units)) if supply.visible_to(request.user_id)]
    assessed = assess(
        [(supply, units[supply.id]) for supply in found],
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
            for each in assessed
        ]
    )
