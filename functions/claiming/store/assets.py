"""Whose assets are, as supply has bound them in Firestore."""

from typing import TYPE_CHECKING

from functions.claiming.domain.claim import Item
from shared.adapters.assets import AssetBindings, is_own_token

if TYPE_CHECKING:
    from shared.outbox.work import UnitOfWork


class Assets:
    """Whose assets are."""

    def __init__(self, work: "UnitOfWork") -> None:
        self._settings = work.settings
        self._bindings = AssetBindings(work.resources)

    def sold_by(self, item: Item, merchant_id: str) -> bool:
        if is_own_token(self._settings, item.supply_id, item.chain_id, item.contract, item.token_id):
            return True
        if item.contract.lower() == self._settings.claim_contract.lower():
            return False  # another supply's, whatever is bound
        return self._bindings.merchant_of(item.chain_id, item.contract, item.token_id) == merchant_id
