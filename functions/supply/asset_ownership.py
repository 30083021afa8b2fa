"""Whether a merchant owns the asset that a supply delivers: shared by create_supply and update_supply."""

from functions.supply.domain.errors import AssetNotYours
from functions.supply.domain.supply import Asset, Supply
from functions.supply.ports import SupplyWork
from functions.supply.views import AssetView
from shared.errors import Malformed


def parse_asset(given: AssetView, quantity: int, work: SupplyWork) -> Asset:
    """The asset that a merchant names, checked. Raises Malformed, Unavailable."""
    asset = given.asset(work.chain.address)
    if int(asset.contract, 16) == 0:
        raise Malformed("is the zero address, which is no contract", field="asset.contract")
    if asset.single and quantity != 1:
        raise Malformed("must be 1: there is one unit of an ERC-721 token", field="quantity")
    if not work.assets.served(asset.chain_id):
        raise Malformed("is a chain that is not served here", field="asset.chain_id")
    return asset


def verify_ownership(supply: Supply, work: SupplyWork) -> None:
    """Verify that a supply's asset is its merchant's, and bind it to them. Raises AssetNotYours, Unavailable.

    The contract is queried once, before anything is sold; from then on the binding decides, which claiming checks.
    """
    asset = supply.asset
    if asset == work.chain.default_asset(supply.id):
        return
    if work.assets.is_platform_contract(asset) or work.supplies.sold_elsewhere(supply):
        raise AssetNotYours
    address, proven_on = work.wallets.proven_address(supply.merchant_id, supply.payout_wallet_id)
    if not work.assets.controlled(asset, address, proven_on) or not work.assets.bind(asset, supply.merchant_id):
        raise AssetNotYours
