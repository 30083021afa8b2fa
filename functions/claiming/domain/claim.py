"""A claim: the one right to what an order bought."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from functions.claiming.domain.errors import NotClaimable, NotFailed, RecipientFixed
from functions.claiming.domain.redeeming import Failure, Patience, Redemption, Sent

Status = Literal["open", "claimed", "processing", "processed", "failed", "voided"]
Shown = Literal["claimed", "processing", "processed", "failed"]


@dataclass(frozen=True, slots=True)
class Item:
    """What a voucher hands out for one line of an order; `token_id` is a uint256.

    supply_id: what was bought; empty in claims that were opened by releases which did not keep it.
    """

    chain_id: int
    contract: str
    token_id: int
    quantity: int
    supply_id: str = ""


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
    when it tries next; none while it does not, or while a transaction is on its way. failure: what went wrong last, for
    a person; failure_code: the same, for programs.
    doubted: whether the chain no longer has the block in which it was honoured.
    """

    looked_after: ClassVar[Mapping[str, str]] = {
        "open": "mature_orders",  # it can be claimed for ever; its merchant waits no longer than that
        "claimed": "process_claims",
        "processing": "track_redemptions",
    }
    ends: ClassVar[frozenset[str]] = frozenset({"processed", "failed", "voided"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

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
    failure_code: str = ""
    doubted: bool = False

    @property
    def shown(self) -> bool:
        """Whether the API knows of it."""
        return self.status not in ("open", "voided")

    def recipient_for(self, wanted: str | None) -> str:
        """Who gets it: whoever was fixed first, else the one wanted, else the paying wallet; after it failed, another.

        Raises NotClaimable when it was given back, RecipientFixed when another was fixed.
        """
        if self.status == "voided":
            raise NotClaimable
        if self.recipient and wanted and wanted != self.recipient and self.status != "failed":
            raise RecipientFixed
        return wanted or self.recipient or self.address

    def changes_hands(self, wanted: str | None) -> bool:
        """Whether one that failed is wanted for another recipient than the one that its voucher is made out to."""
        return self.status == "failed" and wanted not in (None, self.recipient)

    def left_by(self, sent: Sequence[Sent], mined: Mapping[str, int]) -> bool:
        """Whether no transaction of the house's that redeems it can be mined any more.

        sent: all that were stored to be sent; mined: how many transactions each of their senders has in the chain.
        """
        return all(each.ended and each.nonce < mined[each.sender] for each in sent)

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

    def missed(self, failure: Failure, patience: Patience, at: datetime, chance: float) -> "Claim":
        """An attempt came to nothing: another follows later, or, after the last one, it has failed.

        chance: 0..1, so that not all that failed together come again together.
        """
        failures = self.failures + 1
        why: dict[str, Any] = {"failures": failures, "failure": failure.detail, "failure_code": failure.code}
        if failure.final or failures >= patience.attempts:
            return self._told("failed", due_at=None, **why)
        return replace(self, due_at=at + patience.delay(failures, chance), **why)

    def again(self, at: datetime) -> "Claim":
        """A failed one is tried afresh. Raises NotFailed."""
        if self.status != "failed":
            raise NotFailed
        return replace(self, status="claimed", failures=0, due_at=at, failure="", failure_code="")

    def handed_on(self, at: datetime, patience: Patience) -> "Claim":
        """A failed one, for which another recipient was named: the house tries again.

        Where it has sent as many transactions for it as it would in vain, it is left to its buyer.
        """
        return self.again(at) if self.attempts < patience.attempts else self

    def processed(self, redemption: Redemption, at: datetime, recipient: str | None = None) -> "Claim":
        """The contract has honoured it, whoever brought the voucher.

        Found again elsewhere, after blocks were replaced, it stays processed and only says where.
        recipient: to whom, which counts: it may have been an earlier voucher.
        """
        chain: dict[str, Any] = {"redemption": redemption, "recipient": recipient or self.recipient}
        if self.status == "processed":
            return replace(self, **chain, doubted=False)
        return self._told("processed", **chain, processed_at=at, due_at=None, failure="", failure_code="")

    def undone(self, at: datetime) -> "Claim":
        """The chain has forgotten that it was honoured: it has to be once more."""
        # The voucher that is brought next is the latest one, whichever was honoured before.
        message = json.loads(self.voucher or "{}").get("message", {})
        recipient = message.get("recipient", self.recipient)
        redeem = replace(self, status="processing", recipient=recipient, redemption=None, processed_at=None)
        return replace(redeem, doubted=False, failures=0, due_at=at)

    def _told(self, status: Status, **changes: Any) -> "Claim":
        return replace(self, status=status, version=self.version + 1, **changes)
