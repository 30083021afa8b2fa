"""A claim: the one right to what an order bought."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from functions.claiming.domain.errors import NotClaimable, NotFailed, RecipientFixed
from functions.claiming.domain.redeeming import Patience, Redemption

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
    """A claim. `address` is that of the wallet that paid; `voucher` the JSON that was handed out; `merchant_id` who
    sold it, empty where that was not known.

    attempts: how often the house tried to redeem it; failures: how often in vain since it was last asked to. due_at:
    when it tries next; none while it does not, or while a transaction is on its way. failure: what went wrong last.
    doubted: whether the chain no longer has the block in which it was honoured.
    """

    id: str
    order_id: str
    user_id: str
    address: str
    items: tuple[Item, ...]
    nonce: int
    opened_at: datetime
    merchant_id: str = ""
    status: Status = "open"
    version: int = 1
    recipient: str | None = None
    voucher: str | None = None
    deadline: datetime | None = None
    claimed_at: datetime | None = None
    processed_at: datetime | None = None
    redemption: Redemption | None = None
    attempts: int = 0
    failures: int = 0
    due_at: datetime | None = None
    failure: str = ""
    doubted: bool = False

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
            due_at=self.due_at if self.voucher else at,
        )

    def voided(self) -> "Claim":
        """An open one that never has a voucher."""
        return self._told("voided")

    @property
    def chain_id(self) -> int:
        """The chain of what it hands out; 0 for one that hands out nothing."""
        return self.items[0].chain_id if self.items else 0

    @property
    def awaited(self) -> bool:
        """Whether a transaction of the house's that redeems it is on its way."""
        return self.status == "processing" and self.due_at is None

    def attempted(self) -> "Claim":
        """A transaction that redeems it is stored, to be sent: what becomes of that is awaited."""
        return replace(self, status="processing", attempts=self.attempts + 1, due_at=None)

    def put_off(self, until: datetime) -> "Claim":
        """There is nothing to do for now: the contract has honoured it, which is heard of when it is confirmed."""
        return replace(self, due_at=until)

    def missed(self, failure: str, patience: Patience, at: datetime, chance: float) -> "Claim":
        """An attempt came to nothing: another follows later, or, after the last one, it has failed.

        chance: 0..1, so that not all that failed together come again together.
        """
        failures = self.failures + 1
        if failures >= patience.attempts:
            return self._told("failed", failures=failures, due_at=None, failure=failure)
        return replace(self, failures=failures, due_at=at + patience.delay(failures, chance), failure=failure)

    def again(self, at: datetime) -> "Claim":
        """A failed one is tried afresh. Raises NotFailed."""
        if self.status != "failed":
            raise NotFailed
        return replace(self, status="claimed", failures=0, due_at=at, failure="")

    def processed(self, redemption: Redemption, at: datetime) -> "Claim":
        """The contract has honoured it, whoever brought the voucher.

        Found again elsewhere, after blocks were replaced, it stays processed and only says where.
        """
        if self.status == "processed":
            return replace(self, redemption=redemption, doubted=False)
        return self._told("processed", redemption=redemption, processed_at=at, due_at=None, failure="")

    def undone(self, at: datetime) -> "Claim":
        """The chain has forgotten that it was honoured: it has to be once more."""
        redeem = replace(self, status="processing", redemption=None, processed_at=None)
        return replace(redeem, doubted=False, failures=0, due_at=at)

    def _told(self, status: Status, **changes: Any) -> "Claim":
        return replace(self, status=status, version=self.version + 1, **changes)
