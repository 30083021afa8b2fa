"""Tell the order service on what terms supplies sell to a buyer."""

from functions.supply.domain.allowlist import Proof
from functions.supply.domain.supply import Supply
from functions.supply.eligibility import entitled, proofs_of
from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import Asset, DescribeRequest, DescribeResponse


def describe_supplies(request: DescribeRequest, work: SupplyWork) -> DescribeResponse:
    """The present terms of those requested supplies that the user may see. Raises Malformed."""
    proofs = proofs_of(request.proofs)
    visible = [supply for supply in work.supplies.find(request.supply_ids) if supply.visible_to(request.user_id)]
    return DescribeResponse(
        supplies=[_terms(supply, request.address, proofs.get(supply.id), work) for supply in visible]
    )


def _terms(supply: Supply, address: str, proof: Proof | None, work: SupplyWork) -> DescribeResponse.Terms:
    entitlement, price = entitled(supply, address, proof, work)
    return DescribeResponse.Terms(
        supply_id=supply.id,
        merchant_id=supply.merchant_id,
        payout_wallet_id=supply.payout_wallet_id,
        title=supply.title,
        currency=supply.currency,
        unit_price=str(int(price)),
        asset=Asset(
            chain_id=supply.asset.chain_id,
            contract=supply.asset.contract,
            token_id=str(supply.asset.token_id),
            standard=supply.asset.standard,
        ),
        phase=entitlement.phase,
        listed=entitlement.listed,
        limit=entitlement.limit,
    )
