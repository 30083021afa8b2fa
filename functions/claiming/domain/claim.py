"""A claim: the one right to what an order bought."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from functions.claiming.domain.errors import NotClaimable, RecipientFixed

Status = Literal["open", "claimed", "processing", "processed", "failed", "voided"]
Shown = Literal["claimed", "processing", "processed", "failed"]


@dataclass(frozen=True, slots=True)
class Item:
    """What a voucher hands out for one line of an order; `token_id` is a uint256."""

    chain_id: int
    contract: str
    token_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is signed: ids, recipient, items, nonce, and a deadline in seconds since the epoch."""

    claim_id: str
    order_id: str
    recipient: str
    items: tuple[Item, ...]
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim. `address` is that of the wallet that paid; `voucher` the JSON that was handed out."""

    id: str
    order_id: str
    user_id: str
    address: str
    items: tuple[Item, ...]
    nonce: int
    opened_at: datetime
    status: Status = "open"
    version: int = 1
    recipient: str | None = None
    voucher: str | None = None
    deadline: datetime | None = None
    claimed_at: datetime | None = None
    processed_at: datetime | None = None

    @property
    def shown(self) -> bool:
        """Whether the API knows of it."""
        return self.status not in ("open", "voided")

    def recipient_for(self, wanted: str | None) -> str:
        """Who gets it: whoever was fixed first, else the one wanted, else the paying wallet.

        Raises NotClaimable when it was given back, RecipientFixed when another was fixed.
        """
        if self.status == "voided":
            raise NotClaimable
        if self.recipient and wanted and wanted != self.recipient:
            raise RecipientFixed
        return self.recipient or wanted or self.address

    def lasts(self, now: datetime) -> bool:
        """Whether the voucher that was handed out is still good."""
        return self.deadline is not None and now < self.deadline

    def terms(self, recipient: str, deadline: datetime) -> Terms:
        """What its voucher says."""
        return Terms(self.id, self.order_id, recipient, self.items, self.nonce, int(deadline.timestamp()))

    def handed_out(self, recipient: str, voucher: str, deadline: datetime, at: datetime) -> "Claim":
        """The claim with a voucher, its first or a reissued one."""
        return replace(
            self,
            status="claimed" if self.status == "open" else self.status,
            version=self.version + (self.status == "open"),
            recipient=recipient,
            voucher=voucher,
            deadline=deadline,
            claimed_at=self.claimed_at or at,
        )
