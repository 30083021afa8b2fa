"""Who owns assets: queried from their contracts on the chain, and bound to merchants in Firestore."""

from typing import TYPE_CHECKING

from functions.supply.domain.supply import Asset
from shared.chain.asset_bindings import AssetBindings
from shared.chain.ownership import controls, has_code

if TYPE_CHECKING:
    from shared.unit_of_work import UnitOfWork


class ChainAssets:
    """Who owns assets: their contracts, and the bindings to merchants."""

    def __init__(self, work: "UnitOfWork") -> None:
        self._resources = work.resources
        self._settings = work.settings
        self._bindings = AssetBindings(work.resources.firestore, work.resources.breaker("firestore"))

    def served(self, chain_id: int) -> bool:
        if chain_id not in self._settings.chain_urls:
            return False
        if chain_id == self._settings.claim_chain_id:
            return True
        return has_code(self._resources.chain(chain_id), self._settings.claim_contract)

    def is_platform_contract(self, asset: Asset) -> bool:
        own = (self._settings.claim_contract, self._settings.vault_contract, *self._settings.chain_assets.values())
        return asset.contract.lower() in {contract.lower() for contract in own}

    def controlled(self, asset: Asset, address: str, proven_on: int) -> bool:
        return controls(self._resources.chain(asset.chain_id), asset.contract, address, proven_on, asset.chain_id)

    def bind(self, asset: Asset, merchant_id: str) -> bool:
        return self._bindings.bind(asset.chain_id, asset.contract, asset.token_id, merchant_id)
