"""The work of an operation on supplies: wires the adapters of its ports."""

from functools import cached_property

from functions.supply.adapters.asking import Askers
from functions.supply.adapters.assets import ChainAssets
from functions.supply.adapters.clients import GrpcWallets
from functions.supply.adapters.peers import GrpcPeers
from functions.supply.adapters.quotas import PostgresQuotas
from functions.supply.adapters.stock import PostgresStock
from functions.supply.adapters.supplies import PostgresSupplies
from functions.supply.domain.supply import Asset
from shared.chain.asset_bindings import own_token
from shared.chain.ethereum import canonical_address, keccak
from shared.rpc.order_decisions import GrpcOrderDecisions
from shared.unit_of_work import UnitOfWork


class Work(UnitOfWork):
    """The work of one operation on supplies."""

    @cached_property
    def supplies(self) -> PostgresSupplies:
        """Supplies, within this transaction."""
        return PostgresSupplies(self, self.stock, lambda: self.wallets)

    @property
    def shown(self) -> PostgresSupplies:
        """Supplies, as callers may see them."""
        return self.supplies

    @cached_property
    def stock(self) -> PostgresStock:
        """Units of supplies in this cell."""
        return PostgresStock(self)

    @cached_property
    def quotas(self) -> PostgresQuotas:
        """What this cell has of supplies, and what moves between it and other cells."""
        return PostgresQuotas(self, self.stock, lambda supply_id, phase: self._askers().demand(supply_id, phase))

    @cached_property
    def peers(self) -> GrpcPeers:
        """The supply service of other cells."""
        return GrpcPeers(self, self._askers)

    def _askers(self) -> Askers:
        return self.resources.once("askers", lambda: Askers(self.settings.cell, self.settings.other_cells))

    @cached_property
    def chain(self) -> "EthereumChain":
        """Hashes, addresses and the default asset of the configured chain."""
        return EthereumChain(self)

    @cached_property
    def assets(self) -> ChainAssets:
        """Who owns assets."""
        return ChainAssets(self)

    @cached_property
    def wallets(self) -> GrpcWallets:
        """The wallet service."""
        return GrpcWallets(self.resources.channel("wallet", "supply"))

    @cached_property
    def orders(self) -> GrpcOrderDecisions:
        """The order service."""
        return GrpcOrderDecisions(self.resources.channel("order", "supply"))


class EthereumChain:
    """Hashes, addresses and the default asset of the configured chain."""

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
