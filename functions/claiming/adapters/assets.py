"""The bindings of assets to merchants in Firestore, which the supply service creates."""

from typing import TYPE_CHECKING

from functions.claiming.domain.claim import Item
from shared.chain.asset_bindings import AssetBindings, is_own_token

if TYPE_CHECKING:
    from shared.unit_of_work import UnitOfWork


class FirestoreAssets:
    """The bindings of assets to merchants."""

    def __init__(self, work: "UnitOfWork") -> None:
        self._settings = work.settings
        self._bindings = AssetBindings(work.resources.firestore, work.resources.breaker("firestore"))

    def sold_by(self, item: Item, merchant_id: str) -> bool:
        if is_own_token(self._settings, item.supply_id, item.chain_id, item.contract, item.token_id):
            return True
        if item.contract.lower() == self._settings.claim_contract.lower():
            return False  # another supply's own token, whatever is bound
        return self._bindings.merchant_of(item.chain_id, item.contract, item.token_id) == merchant_id
