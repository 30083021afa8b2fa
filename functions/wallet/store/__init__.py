"""Wallets in PostgreSQL: the implementation of the ports, rows to domain and back."""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from functions.wallet.clients import IdentityClient, OrderClient, SupplyClient
from functions.wallet.domain.custody import Terms
from functions.wallet.store.custody import DepositStore, WithdrawalStore
from functions.wallet.store.holds import HoldStore
from functions.wallet.store.ledger import EscrowStore, LedgerStore
from functions.wallet.store.payouts import PayoutStore
from functions.wallet.store.wallets import WalletStore
from shared.adapters.chains import SendingStore
from shared.outbox.work import UnitOfWork

if TYPE_CHECKING:
    from functions.wallet.store.vault import ChainTreasury, ChainVault, Custody


class Work(UnitOfWork):
    """The work of one operation on wallets."""

    @cached_property
    def wallets(self) -> WalletStore:
        """The wallets of users."""
        return WalletStore(self)

    @cached_property
    def ledger(self) -> LedgerStore:
        """Movements of money."""
        return LedgerStore(self)

    @cached_property
    def holds(self) -> HoldStore:
        """Funds set aside."""
        return HoldStore(self)

    @cached_property
    def escrows(self) -> EscrowStore:
        """The money of paid orders."""
        return EscrowStore(self)

    @cached_property
    def payouts(self) -> PayoutStore:
        """Which supplies pay out to which wallets."""
        return PayoutStore(self)

    @cached_property
    def supplies(self) -> SupplyClient:
        """The supply service."""
        return SupplyClient(self.resources.channel("supply", "wallet"))

    @cached_property
    def identity(self) -> IdentityClient:
        """The identity service."""
        return IdentityClient(self.resources.channel("identity", "wallet"))

    @property
    def command(self) -> str:
        """What this request is known by. Raises RuntimeError where it has no idempotency key: a defect."""
        if self.key is None:
            raise RuntimeError("this work has no idempotency key")
        return self.key.command

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "wallet"))

    @cached_property
    def deposits(self) -> DepositStore:
        """What has arrived."""
        return DepositStore(self, self.settings.custody_chain_id)

    @cached_property
    def withdrawals(self) -> WithdrawalStore:
        """Money on its way out."""
        return WithdrawalStore(self, self.settings.custody_chain_id)

    @cached_property
    def sendings(self) -> SendingStore:
        """The treasury's nonces."""
        return SendingStore(self.opened, self.settings.custody_chain_id, self.resources.signer("treasury").address)

    @property
    def has_chain(self) -> bool:
        """Whether there is a chain here at all."""
        return self.settings.custody_chain_id in self.settings.chain_urls

    @cached_property
    def vault(self) -> "ChainVault":
        """The vault on its chain. Raises Unavailable where there is no chain."""
        from functions.wallet.store.vault import ChainVault

        return ChainVault(self._custody(), self.resources.chain(self.settings.custody_chain_id))

    @cached_property
    def treasury(self) -> "ChainTreasury":
        """Who pays. Raises Unavailable where there is no chain."""
        from functions.wallet.store.vault import ChainTreasury

        client = self.resources.chain(self.settings.custody_chain_id)
        replace_after = timedelta(seconds=self.settings.replace_after_seconds)
        return ChainTreasury(self._custody(), client, self.resources.signer("treasury"), replace_after)

    def _custody(self) -> "Custody":
        from functions.wallet.store.vault import Custody

        config = self.settings
        contracts = (config.vault_contract, config.claim_contract, *config.chain_assets.values())
        ours = (*contracts, self.resources.signer("treasury").address, *config.house_addresses)
        return Custody(
            chain_id=config.custody_chain_id,
            contract=config.vault_contract,
            assets=config.chain_assets,
            confirmations=config.chain_confirmations,
            start_block=config.chain_start_block,
            collect_from=config.collect_from,
            terms={
                currency: Terms(config.withdrawal_least[currency], config.withdrawal_fee[currency])
                for currency in config.chain_assets
            },
            house=frozenset(address.lower() for address in ours),
        )
