"""Tell the order service on what terms supplies sell."""

from functions.supply.ports import SupplyWork
from shared.contracts.gen.supply_pb2 import Asset, DescribeRequest, DescribeResponse


def describe_supplies(request: DescribeRequest, work: SupplyWork) -> DescribeResponse:
    """The terms of the supplies that the user may see, among those asked for."""
    visible = [supply for supply in work.supplies.find(request.supply_ids) if supply.visible_to(request.user_id)]
    return DescribeResponse(
        supplies=[
            DescribeResponse.Terms(
                supply_id=supply.id,
                merchant_id=supply.merchant_id,
                payout_wallet_id=supply.payout_wallet_id,
                title=supply.title,
                currency=supply.currency,
                unit_price=str(supply.unit_price),
                asset=Asset(
                    chain_id=supply.asset.chain_id,
                    contract=supply.asset.contract,
                    token_id=str(supply.asset.token_id),
                    standard=supply.asset.standard,
                ),
            )
            for supply in visible
        ]
    )
