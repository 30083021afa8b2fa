"""Which merchant may sell an asset: one, in all regions. In Firestore, since no PostgreSQL database spans regions.

    assets/<chain id>:<contract, lower case>:<token id>   {"merchant_id"}

A document is created once and never changed, so readers need no lock: supply binds an asset before it goes on sale,
claiming checks the binding before it signs the first voucher for it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from shared.chain.ethereum import keccak
from shared.config import Settings
from shared.firestore.calls import call_options, guarded

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from shared.resilience.breaker import Breaker


def own_token(supply_id: str) -> int:
    """The token id of a supply in the platform's own contract: uint256(keccak256(supply id))."""
    return int.from_bytes(keccak(supply_id.encode()))


def is_own_token(settings: Settings, supply_id: str, chain_id: int, contract: str, token_id: int) -> bool:
    """Whether an asset is the supply's own token in the platform's contract, which needs no binding."""
    own = (settings.claim_chain_id, settings.claim_contract.lower())
    return (chain_id, contract.lower()) == own and token_id == own_token(supply_id)


class AssetBindings:
    """Which merchant an asset is bound to."""

    def __init__(self, firestore: "Callable[[], Client]", breaker: "Breaker") -> None:
        """firestore: opens the client, on first use. breaker: Firestore's."""
        self._firestore = firestore
        self._breaker = breaker

    def bind(self, chain_id: int, contract: str, token_id: int, merchant_id: str) -> bool:
        """Bind an asset to a merchant; false if it is bound to another. Idempotent. Raises Unavailable."""
        from google.api_core.exceptions import AlreadyExists

        document = self._document(chain_id, contract, token_id)
        with guarded(self._breaker, writes=True), suppress(AlreadyExists):
            document.create({"merchant_id": merchant_id}, **call_options())
            return True
        return self.merchant_of(chain_id, contract, token_id) == merchant_id

    def merchant_of(self, chain_id: int, contract: str, token_id: int) -> str | None:
        """The merchant that an asset is bound to; None if it is unbound. Raises Unavailable."""
        with guarded(self._breaker):
            snapshot = self._document(chain_id, contract, token_id).get(**call_options())
        return str((snapshot.to_dict() or {})["merchant_id"]) if snapshot.exists else None

    def _document(self, chain_id: int, contract: str, token_id: int) -> Any:
        name = f"{chain_id}:{contract.lower()}:{token_id}"
        return self._firestore().collection("assets").document(name)
