"""Create a supply: put something on sale."""

from functions.supply.asset_ownership import parse_asset, verify_ownership
from functions.supply.domain.supply import StockLevel, Supply
from functions.supply.ports import SupplyWork
from functions.supply.requests import CreateSupply
from functions.supply.views import SupplyView, phases_of
from shared.contracts.operations import Caller


def create_supply(request: CreateSupply, caller: Caller, work: SupplyWork) -> SupplyView:
    """Create a supply that pays out to the given or the default wallet.

    Raises Malformed, NotFound, AssetNotYours, Unavailable.
    """
    supply_id = work.new_id("sup")
    # Parsed before the wallet is looked up, so that malformed input is reported before missing things.
    phases = phases_of(request.phases)
    asset = parse_asset(request.asset, request.quantity, work) if request.asset else work.chain.default_asset(supply_id)
    supply = Supply(
        id=supply_id,
        merchant_id=caller.user_id,
        payout_wallet_id=work.supplies.register_payout(supply_id, caller.user_id, request.payout_wallet_id),
        title=request.title,
        description=request.description,
        currency=request.currency,
        unit_price=request.unit_price,
        per_user_limit=request.per_user_limit,
        phases=phases,
        asset=asset,
        status=request.status,
        published=request.status == "active",
        stock=StockLevel(request.quantity, available=request.quantity, reserved=0, sold=0, version=1),
        version=1,
        created_at=work.now(),
        updated_at=work.now(),
    )
    verify_ownership(supply, work)
    work.supplies.add(supply)
    work.quotas.share(supply, request.quantity, caps=True)
    return SupplyView.of(supply)
