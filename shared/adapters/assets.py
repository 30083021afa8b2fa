"""Whose assets are: one merchant's each, wherever its supplies are at home. In Firestore, as no database spans regions.

    assets/<chain id>:<contract, lower case>:<token id>   {"merchant_id"}

A document is created once and never changed, so that who reads it needs no lock: supply binds an asset before it is
put up for sale, claiming asks before it signs the first voucher for it.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.adapters.ethereum import keccak
from shared.adapters.firestore import answering, patience
from shared.config import Settings

if TYPE_CHECKING:
    from shared.adapters.resources import Resources


def own_token(supply_id: str) -> int:
    """The token of the house's contract that is a supply's own: uint256(keccak256(supply id))."""
    return int.from_bytes(keccak(supply_id.encode()))


def is_own_token(settings: Settings, supply_id: str, chain_id: int, contract: str, token_id: int) -> bool:
    """Whether an asset is the supply's own token of the house's contract, which needs no binding."""
    house = (settings.claim_chain_id, settings.claim_contract.lower())
    return (chain_id, contract.lower()) == house and token_id == own_token(supply_id)


class AssetBindings:
    """Which merchant an asset is bound to."""

    def __init__(self, resources: "Resources") -> None:
        self._resources = resources

    def bind(self, chain_id: int, contract: str, token_id: int, merchant_id: str) -> bool:
        """Bind an asset to a merchant; false when it is another's. The same again is true. Raises Unavailable."""
        from google.api_core.exceptions import AlreadyExists

        document = self._document(chain_id, contract, token_id)
        with answering(self._resources.breaker("firestore"), writes=True), suppress(AlreadyExists):
            document.create({"merchant_id": merchant_id}, **patience())
            return True
        return self.merchant_of(chain_id, contract, token_id) == merchant_id

    def merchant_of(self, chain_id: int, contract: str, token_id: int) -> str | None:
        """The merchant that an asset is bound to; None while it is bound to nobody. Raises Unavailable."""
        with answering(self._resources.breaker("firestore")):
            snapshot = self._document(chain_id, contract, token_id).get(**patience())
        return str((snapshot.to_dict() or {})["merchant_id"]) if snapshot.exists else None

    def _document(self, chain_id: int, contract: str, token_id: int) -> Any:
        name = f"{chain_id}:{contract.lower()}:{token_id}"
        return self._resources.firestore().collection("assets").document(name)
