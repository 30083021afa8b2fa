"""Tell the order service on what terms supplies sell to a buyer."""

from collections.abc import Mapping, Sequence

from functions.supply.domain.allowlist import Proof
from functions.supply.domain.supply import Supply
from functions.supply.eligibility import entitled, proofs_of
from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import Asset, DescribeRequest, DescribeResponse


def describe_supplies(request: DescribeRequest, work: SupplyWork) -> DescribeResponse:
    """The present terms of those requested supplies that each buyer may see. Raises Malformed."""
    if not request.buyers:
        return DescribeResponse(supplies=_describe(request, _find(request.supply_ids, work), work))
    supplies = _find([supply_id for buyer in request.buyers for supply_id in buyer.supply_ids], work)
    return DescribeResponse(
        outcomes=[DescribeResponse.Outcome(supplies=_describe(buyer, supplies, work)) for buyer in request.buyers]
    )


def _find(supply_ids: Sequence[str], work: SupplyWork) -> dict[str, Supply]:
    return {supply.id: supply for supply in work.supplies.find(supply_ids)}


def _describe(
    buyer: DescribeRequest | DescribeRequest.Buyer, supplies: Mapping[str, Supply], work: SupplyWork
) -> list[DescribeResponse.Terms]:
    proofs = proofs_of(buyer.proofs)
    wanted = [supplies[supply_id] for supply_id in dict.fromkeys(buyer.supply_ids) if supply_id in supplies]
    return [
        _terms(supply, buyer.address, proofs.get(supply.id), work)
        for supply in wanted
        if supply.visible_to(buyer.user_id)
    ]


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
