"""A wallet: a named account of one user, with an address that the user has proven to own."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from functions.wallet.domain.errors import WalletIsClosed

WalletStatus = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class PayoutReference:
    """The fact that a supply pays out to a wallet. version: how often it was recorded."""

    supply_id: str
    wallet_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet. `address` is in its EIP-55 form."""

    id: str
    user_id: str
    name: str
    address: str
    chain_id: int
    status: WalletStatus
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def open(self) -> bool:
        """Whether money may move."""
        return self.status == "open"

    def renamed(self, name: str, at: datetime) -> "Wallet":
        """The wallet under another name."""
        return replace(self, name=name, version=self.version + 1, updated_at=at)

    def closed(self, at: datetime) -> "Wallet":
        """The wallet, closed. Raises WalletIsClosed when it is closed already."""
        if not self.open:
            raise WalletIsClosed
        return replace(self, status="closed", version=self.version + 1, updated_at=at)
