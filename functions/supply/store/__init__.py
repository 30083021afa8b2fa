"""Supplies and stock in PostgreSQL: the implementation of the ports, rows to domain and back."""

from functools import cached_property

from functions.supply.clients import OrderClient, WalletClient
from functions.supply.domain.supply import Asset
from functions.supply.store.assets import Assets
from functions.supply.store.stock import StockStore
from functions.supply.store.supplies import SupplyStore
from shared.adapters.assets import own_token
from shared.adapters.ethereum import canonical_address, keccak
from shared.outbox.work import UnitOfWork


class Work(UnitOfWork):
    """The work of one operation on supplies."""

    @cached_property
    def supplies(self) -> SupplyStore:
        """What merchants sell."""
        return SupplyStore(self, self.stock)

    @property
    def shown(self) -> SupplyStore:
        """Supplies, as people may see them."""
        return self.supplies

    @cached_property
    def stock(self) -> StockStore:
        """Units of supplies in this cell."""
        return StockStore(self)

    @cached_property
    def chain(self) -> "Chain":
        """What is known of chains."""
        return Chain(self)

    @cached_property
    def assets(self) -> Assets:
        """Whose assets are."""
        return Assets(self)

    @cached_property
    def wallets(self) -> WalletClient:
        """The wallet service."""
        return WalletClient(self.resources.channel("wallet", "supply"))

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "supply"))


class Chain:
    """What is known of chains."""

    def __init__(self, work: Work) -> None:
        self._settings = work.settings

    def address(self, text: str) -> str:
        return canonical_address(text)

    def keccak(self, data: bytes) -> bytes:
        return keccak(data)

    def default_asset(self, supply_id: str) -> Asset:
        return Asset(
            chain_id=self._settings.claim_chain_id,
            contract=self._settings.claim_contract,
            token_id=own_token(supply_id),
            standard="ERC-1155",
        )
