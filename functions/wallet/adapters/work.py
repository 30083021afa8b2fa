"""The unit of work of the wallet service: wires its ports to their adapters, which a function imports as it needs."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from functions.wallet.adapters.holds import PostgresHolds
from functions.wallet.adapters.ledger import PostgresEscrows, PostgresLedger
from functions.wallet.adapters.wallets import PostgresWallets
from shared.registry import load
from shared.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from functions.wallet.adapters.cancellations import PostgresCancellations
    from functions.wallet.adapters.clients import GrpcIdentity, GrpcSupplies
    from functions.wallet.adapters.custody import PostgresDeposits, PostgresWithdrawals
    from functions.wallet.adapters.other_cells import GrpcOtherCells
    from functions.wallet.adapters.payouts import PostgresPayouts
    from functions.wallet.adapters.transits import PostgresTransits
    from functions.wallet.adapters.vault import ChainTreasury, ChainVault, VaultConfig
    from shared.chain.nonce_store import PostgresNonceStore
    from shared.rpc.order_decisions import GrpcOrderDecisions


class Work(UnitOfWork):
    """The work of one operation on wallets."""

    @cached_property
    def wallets(self) -> PostgresWallets:
        """The wallets of users."""
        return PostgresWallets(self)

    @cached_property
    def ledger(self) -> PostgresLedger:
        """The double-entry ledger."""
        return PostgresLedger(self)

    @cached_property
    def holds(self) -> PostgresHolds:
        """Funds set aside."""
        return PostgresHolds(self)

    @cached_property
    def escrows(self) -> PostgresEscrows:
        """The money of paid orders."""
        return PostgresEscrows(self)

    @cached_property
    def payouts(self) -> PostgresPayouts:
        """Which supplies pay out to which wallets."""
        from functions.wallet.adapters.payouts import PostgresPayouts

        return PostgresPayouts(self)

    @cached_property
    def transits(self) -> PostgresTransits:
        """Money between cells."""
        from functions.wallet.adapters.transits import PostgresTransits

        return PostgresTransits(self)

    @cached_property
    def other_cells(self) -> GrpcOtherCells:
        """The wallet services of other cells."""
        from functions.wallet.adapters.other_cells import GrpcOtherCells

        return GrpcOtherCells(partial(self.resources.channel, "wallet", "wallet"), self.cell, self.settings.other_cells)

    @property
    def cell(self) -> str:
        """The cell whose wallets these are."""
        return self.settings.cell

    @cached_property
    def supplies(self) -> GrpcSupplies:
        """The supply service."""
        from functions.wallet.adapters.clients import GrpcSupplies

        return GrpcSupplies(self.resources.channel("supply", "wallet"))

    @cached_property
    def identity(self) -> GrpcIdentity:
        """The identity service."""
        from functions.wallet.adapters.clients import GrpcIdentity

        return GrpcIdentity(self.resources.channel("identity", "wallet"))

    @property
    def command(self) -> str:
        """The identity of this request. Raises RuntimeError without an idempotency key: that is a defect."""
        if self.key is None:
            raise RuntimeError("this work has no idempotency key")
        return self.key.command

    @cached_property
    def orders(self) -> GrpcOrderDecisions:
        """The order service."""
        from shared.rpc.order_decisions import GrpcOrderDecisions

        return GrpcOrderDecisions(self.resources.channel("order", "wallet"))

    @cached_property
    def deposits(self) -> PostgresDeposits:
        """Deposits, and how far the chain was read."""
        from functions.wallet.adapters.custody import PostgresDeposits

        return PostgresDeposits(self, self.settings.custody_chain_id)

    @cached_property
    def withdrawals(self) -> PostgresWithdrawals:
        """Withdrawals."""
        from functions.wallet.adapters.custody import PostgresWithdrawals

        return PostgresWithdrawals(self, self.settings.custody_chain_id)

    @cached_property
    def cancellations(self) -> PostgresCancellations:
        """Withdrawals that are to fail."""
        from functions.wallet.adapters.cancellations import PostgresCancellations

        return PostgresCancellations(self, self.settings.custody_chain_id)

    @cached_property
    def nonces(self) -> PostgresNonceStore:
        """The treasury's nonces."""
        from shared.chain.nonce_store import PostgresNonceStore

        return PostgresNonceStore(
            self.current_transaction, self.settings.custody_chain_id, self.resources.signer("treasury").address
        )

    @property
    def books_unknown(self) -> bool:
        """Whether this is the cell that books deposits that no cell knows: the first one, or the only one."""
        return not self.settings.other_cells or self.settings.cell == next(iter(load().cells))

    @property
    def has_chain(self) -> bool:
        """Whether a node of the chain is configured."""
        return self.settings.custody_chain_id in self.settings.chain_urls

    @cached_property
    def vault(self) -> ChainVault:
        """The vault on its chain. Raises Unavailable when no chain is configured."""
        from functions.wallet.adapters.vault import ChainVault

        return ChainVault(self._vault_config(), self.resources.chain(self.settings.custody_chain_id))

    @cached_property
    def treasury(self) -> ChainTreasury:
        """The treasury key. Raises Unavailable when no chain is configured."""
        from functions.wallet.adapters.vault import ChainTreasury

        client = self.resources.chain(self.settings.custody_chain_id)
        replace_after = timedelta(seconds=self.settings.replace_after_seconds)
        signer, gate = self.resources.signer("treasury"), self.resources.gate(self.service)
        return ChainTreasury(self._vault_config(), client, signer, replace_after, gate)

    def former_treasury(self, sender: str) -> ChainTreasury:
        """The key of a region that has served this cell before. Raises Unavailable when no chain is configured."""
        from functions.wallet.adapters.vault import ChainTreasury
        from shared.chain.signers import FormerSigner

        client = self.resources.chain(self.settings.custody_chain_id)
        replace_after = timedelta(seconds=self.settings.replace_after_seconds)
        return ChainTreasury(self._vault_config(), client, FormerSigner(sender), replace_after)

    def _vault_config(self) -> VaultConfig:
        from functions.wallet.adapters.vault import VaultConfig
        from functions.wallet.domain.custody import WithdrawalTerms

        config = self.settings
        contracts = (config.vault_contract, config.claim_contract, *config.chain_assets.values())
        own_addresses = (*contracts, self.resources.signer("treasury").address, *config.house_addresses)
        return VaultConfig(
            chain_id=config.custody_chain_id,
            contract=config.vault_contract,
            assets=config.chain_assets,
            confirmations=config.chain_confirmations,
            start_block=config.chain_start_block,
            collect_from=config.collect_from,
            terms={
                currency: WithdrawalTerms(config.withdrawal_least[currency], config.withdrawal_fee[currency])
                for currency in config.chain_assets
            },
            platform_addresses=frozenset(address.lower() for address in own_addresses),
        )
