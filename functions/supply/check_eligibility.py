"""Tell a buyer whether they may buy units of a supply, and if not, why."""

from functions.supply.domain.allowlist import Overrides, Proof
from functions.supply.eligibility import assess
from functions.supply.ports import SupplyWork
from functions.supply.requests import CheckEligibility
from functions.supply.views import EligibilityView
from shared.contracts.operations import Caller
from shared.errors import Malformed


def check_eligibility(request: CheckEligibility, caller: Caller, work: SupplyWork) -> EligibilityView:
    """Every reason against it, the present price, and how many more they may buy. Raises Malformed, NotFound."""
    proof = _proof(request)
    supply = work.supplies.get(request.supply_id, viewer=caller.user_id)
    address = work.wallets.address(caller.user_id, request.wallet_id)
    proofs = {supply.id: proof} if proof else {}
    (assessed,) = assess([(supply, request.quantity)], caller.user_id, address, proofs, work)
    return EligibilityView.of(assessed.reasons, assessed.unit_price, assessed.limit_remaining, assessed.phase)


def _proof(request: CheckEligibility) -> Proof | None:
    limit, price = request.proof_limit, request.proof_price
    if (limit is None) != (price is None) or (request.proof is None and limit is not None):
        raise Malformed("must come together with proof and proof_price", field="proof_limit")
    if request.proof is None:
        return None
    hashes = tuple(bytes.fromhex(each[2:]) for each in request.proof.split(",") if each)
    return Proof(hashes, None if limit is None or price is None else Overrides(limit, price))
