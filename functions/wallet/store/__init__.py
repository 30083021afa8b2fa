"""Wallets in PostgreSQL: the implementation of the ports, rows to domain and back."""

from functools import cached_property

from functions.wallet.clients import IdentityClient, OrderClient
from functions.wallet.store.holds import HoldStore
from functions.wallet.store.ledger import EscrowStore, LedgerStore
from functions.wallet.store.wallets import WalletStore
from shared.outbox.work import UnitOfWork


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
    def identity(self) -> IdentityClient:
        """The identity service."""
        return IdentityClient(self.resources.channel("identity", "wallet"))

    @cached_property
    def orders(self) -> OrderClient:
        """The order service."""
        return OrderClient(self.resources.channel("order", "wallet"))
