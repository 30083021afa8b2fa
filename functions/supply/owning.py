"""Whose an asset is: what create_supply and update_supply have in common."""

from functions.supply.domain.errors import AssetNotYours
from functions.supply.domain.supply import Asset, Supply
from functions.supply.ports import SupplyWork
from functions.supply.views import AssetView
from shared.errors import Malformed


def named(given: AssetView, quantity: int, work: SupplyWork) -> Asset:
    """An asset as a merchant names it. Raises Malformed, Unavailable."""
    asset = given.asset(work.chain.address)
    if int(asset.contract, 16) == 0:
        raise Malformed("the zero address is no contract", field="asset.contract")
    if asset.single and quantity != 1:
        raise Malformed("there is one unit of an ERC-721 token", field="quantity")
    if not work.assets.served(asset.chain_id):
        raise Malformed("a chain that is not served here", field="asset.chain_id")
    return asset


def secure(supply: Supply, work: SupplyWork) -> None:
    """See to it that what a supply hands out is its merchant's, and nobody else's. Raises AssetNotYours, Unavailable.

    The contract is asked once, before anything of it is sold; from then on the binding counts, which claiming looks at.
    """
    asset = supply.asset
    if asset == work.chain.default_asset(supply.id):
        return
    if work.assets.of_house(asset) or work.supplies.doubled(supply):
        raise AssetNotYours
    address, proven_on = work.wallets.proven_address(supply.merchant_id, supply.payout_wallet_id)
    if not work.assets.controlled(asset, address, proven_on) or not work.assets.bind(asset, supply.merchant_id):
        raise AssetNotYours
