"""A claim: the right to what an order bought, once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Literal

from functions.claiming.domain.errors import NotClaimable, NotFailed, RecipientFixed
from functions.claiming.domain.redemption import Failure, Redemption, RetryPolicy, SentTransaction

Status = Literal["open", "claimed", "processing", "processed", "failed", "voided"]
VisibleStatus = Literal["claimed", "processing", "processed", "failed"]


@dataclass(frozen=True, slots=True)
class Item:
    """The asset that a voucher grants for one line of an order. token_id: a uint256.

    supply_id: the supply that was bought; empty in claims opened by old releases.
    """

    chain_id: int
    contract: str
    token_id: int
    quantity: int
    supply_id: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """The content of a voucher, which is signed. deadline: in seconds since the epoch."""

    claim_id: str
    order_id: str
    recipient: str
    items: tuple[Item, ...]
    nonce: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim. address: that of the wallet that paid. voucher: the issued JSON. merchant_id: may be empty.

    attempts: how often the relayer tried to redeem it. failures: how often that failed since the last (re)start.
    due_at: the time of the next attempt; None if none is planned, or a transaction is in flight. failure: the last
    error, for people; failure_code: the same, for programs.
    orphaned: whether the block in which it was honoured is no longer part of the canonical chain (column `doubted`).
    """

    looked_after: ClassVar[Mapping[str, str]] = {
        "open": "mature_orders",  # it can be claimed for ever; its merchant is paid when the order matures
        "claimed": "process_claims",
        "processing": "track_redemptions",
    }
    ends: ClassVar[frozenset[str]] = frozenset({"processed", "failed", "voided"})
    """The scheduled job that handles each non-final state, at a stored time; and the final states."""

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
    orphaned: bool = False

    @property
    def visible(self) -> bool:
        """Whether the API shows it: it has a voucher."""
        return self.status not in ("open", "voided")

    def recipient_for(self, requested: str | None) -> str:
        """The recipient: the first one fixed, else the requested one, else the payer; a failed claim may change it.

        Raises NotClaimable when the order was refunded, RecipientFixed when another recipient was fixed.
        """
        if self.status == "voided":
            raise NotClaimable
        if self.recipient and requested and requested != self.recipient and self.status != "failed":
            raise RecipientFixed
        return requested or self.recipient or self.address

    def changes_recipient(self, requested: str | None) -> bool:
        """Whether it failed, and is requested for a recipient other than that of its voucher."""
        return self.status == "failed" and requested not in (None, self.recipient)

    def none_can_be_mined(self, sent: Sequence[SentTransaction], mined: Mapping[str, int]) -> bool:
        """Whether no transaction of the relayer that redeems it can be mined any more.

        sent: all that were stored for sending. mined: how many transactions of each sender are in the chain.
        """
        return all(each.ended and each.nonce < mined[each.sender] for each in sent)

    def has_valid_voucher(self, now: datetime) -> bool:
        """Whether its voucher has not reached its deadline."""
        return self.deadline is not None and now < self.deadline

    def terms(self, recipient: str, deadline: datetime) -> Terms:
        """The content of its voucher."""
        return Terms(self.id, self.order_id, recipient, self.items, self.nonce, int(deadline.timestamp()))

    def with_voucher(self, recipient: str, voucher: str, deadline: datetime, at: datetime) -> "Claim":
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
        """The claim, voided: it never gets a voucher."""
        return self._next("voided")

    @property
    def chain_id(self) -> int:
        """The chain of its assets; 0 for a claim without any."""
        return self.items[0].chain_id if self.items else 0

    @property
    def in_flight(self) -> bool:
        """Whether a transaction of the relayer that redeems it is in flight."""
        return self.status == "processing" and self.due_at is None

    def attempted(self) -> "Claim":
        """The claim, once a transaction that redeems it was stored for sending."""
        return replace(self, status="processing", attempts=self.attempts + 1, due_at=None)

    def postponed(self, until: datetime) -> "Claim":
        """The claim, postponed: the contract has honoured it, which watch_redemptions sees once it is confirmed."""
        return replace(self, due_at=until)

    def attempt_failed(self, failure: Failure, retry_policy: RetryPolicy, at: datetime, chance: float) -> "Claim":
        """The claim after a failed attempt: due again later, or failed after the last attempt.

        chance: 0..1, the jitter, so that claims that failed together are not retried together.
        """
        failures = self.failures + 1
        why: dict[str, Any] = {"failures": failures, "failure": failure.detail, "failure_code": failure.code}
        if failure.final or failures >= retry_policy.attempts:
            return self._next("failed", due_at=None, **why)
        return replace(self, due_at=at + retry_policy.delay(failures, chance), **why)

    def retried(self, at: datetime) -> "Claim":
        """A failed claim, due again. Raises NotFailed."""
        if self.status != "failed":
            raise NotFailed
        return replace(self, status="claimed", failures=0, due_at=at, failure="", failure_code="")

    def reassigned(self, at: datetime, retry_policy: RetryPolicy) -> "Claim":
        """A failed claim that was reissued to another recipient: due again.

        If the relayer has used up its attempts for it, it stays failed and is left to its buyer.
        """
        return self.retried(at) if self.attempts < retry_policy.attempts else self

    def processed(self, redemption: Redemption, at: datetime, recipient: str | None = None) -> "Claim":
        """The claim, processed: the contract has honoured it, whoever sent the voucher.

        If it is found again in another block after a reorganisation, only the block and transaction change.
        recipient: the actual recipient, which may be that of an earlier voucher.
        """
        chain: dict[str, Any] = {"redemption": redemption, "recipient": recipient or self.recipient}
        if self.status == "processed":
            return replace(self, **chain, orphaned=False)
        return self._next("processed", **chain, processed_at=at, due_at=None, failure="", failure_code="")

    def redemption_undone(self, at: datetime) -> "Claim":
        """The claim, processing again: the block in which it was honoured was orphaned."""
        # The latest voucher is sent next, whichever one was honoured before.
        message = json.loads(self.voucher or "{}").get("message", {})
        recipient = message.get("recipient", self.recipient)
        redeem = replace(self, status="processing", recipient=recipient, redemption=None, processed_at=None)
        return replace(redeem, orphaned=False, failures=0, due_at=at)

    def _next(self, status: Status, **changes: Any) -> "Claim":
        return replace(self, status=status, version=self.version + 1, **changes)
