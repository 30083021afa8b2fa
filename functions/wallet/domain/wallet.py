"""A wallet: a named ledger of one user, with the address that the user has proven to own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet. `address` is in its EIP-55 form."""

    id: str
    user_id: str
    name: str
    address: str
    chain_id: int
    status: Status
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def open(self) -> bool:
        """Whether money may move."""
        return self.status == "open"
