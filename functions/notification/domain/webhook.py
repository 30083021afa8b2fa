"""Webhooks, deliveries to them, and what becomes of an attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

LIMIT: Final = 50
"""How many webhooks one user may have."""

DELIVERED_WITHIN: Final = timedelta(hours=72)
"""How long a delivery is tried (the contract)."""

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=4)
"""The bounds within which the pause between attempts of a delivery doubles; how much of it is waited is up to chance
("full jitter"), but never less than SHORTEST_PAUSE."""

SHORTEST_PAUSE: Final = timedelta(seconds=1)
LONGEST_ASKED: Final = timedelta(hours=1)
"""How long a Retry-After is honoured."""

REST_LONGEST: Final = timedelta(minutes=1)
"""How long nothing at all is sent to an address that has failed, at most: it costs one attempt a minute, not one for
each delivery."""

KEPT: Final = timedelta(days=30)
"""How long a delivery is remembered after it came to an end, and how old an event may be that is queued yet: so that
one that comes again, or is applied anew, is never delivered anew."""

DISABLED_AFTER: Final = timedelta(hours=72)
DISABLED_ATTEMPTS: Final = 10
"""A webhook is disabled that has only failed for so long, and so often."""

LOGGED: Final = 20
"""How many attempts of a delivery are shown, the newest."""

GRACE_LONGEST_SECONDS: Final = 7 * 24 * 60 * 60
"""How long a secret may be used along with its successor."""

GONE: Final = 410
"""The status by which an address says that it wants nothing more (Standard Webhooks)."""

Status = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
Reason = Literal["", "gone", "failing"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told of some types of events.

    reason: why it is disabled. trusted: whether the last attempt succeeded; what is not yet, or no longer, has to share
    few connections with its like. failures: how many attempts failed since the last success, failing_since the first.
    rests_until: nothing is sent before. disablings: how often it was disabled. listens_since: when it was made,
    or last enabled; it is told of nothing that was before.
    """

    id: str
    user_id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    listens_since: datetime
    status: Status = "enabled"
    reason: Reason = ""
    trusted: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    rests_until: datetime | None = None
    disablings: int = 0

    def after(self, outcome: "Outcome", at: datetime, chance: float) -> "Webhook":
        """The webhook after an attempt. chance: 0..1."""
        if outcome.succeeded:
            return replace(self, trusted=True, failures=0, failing_since=None, rests_until=None)
        failures, since = self.failures + 1, self.failing_since or at
        worn = at - since >= DISABLED_AFTER and failures >= DISABLED_ATTEMPTS
        reason: Reason = "gone" if outcome.status == GONE else "failing" if worn else ""
        failed = replace(self, trusted=False, failures=failures, failing_since=since)
        if reason and self.status == "enabled":
            return replace(failed, status="disabled", reason=reason, disablings=self.disablings + 1, updated_at=at)
        rest = _pause(failures, REST_LONGEST, chance) if failures > 1 else timedelta()
        return replace(failed, rests_until=at + max(rest, min(outcome.retry_after, LONGEST_ASKED)))

    def enabled(self, at: datetime) -> "Webhook":
        """The webhook as if it had never failed."""
        if self.status == "enabled":
            return self
        fresh = replace(self, status="enabled", reason="", listens_since=at, updated_at=at)
        return replace(fresh, trusted=False, failures=0, failing_since=None, rests_until=None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: the status that was answered, or what was in the way of an answer.

    retry_after: how long the address asks to wait. took: how long it was until then.
    """

    status: int | None
    error: str = ""
    retry_after: timedelta = timedelta()
    took: timedelta = timedelta()

    @property
    def succeeded(self) -> bool:
        """Only 2xx; a redirect is not followed, and so none."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt, as it is remembered. at: when it ended."""

    at: datetime
    milliseconds: int
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to a webhook.

    failures: attempts that failed since it was last asked for. tried: the newest attempts, oldest first.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"pending": "send_deliveries"}
    ends: ClassVar[frozenset[str]] = frozenset({"delivered", "failed"})
    """Which row looks after it in each state that is no end, at a time that is stored; and the ends."""

    webhook_id: str
    id: str
    event_id: str
    event_type: str
    created_at: datetime
    expires_at: datetime
    status: DeliveryStatus = "pending"
    attempts: int = 0
    failures: int = 0
    due_at: datetime | None = None
    attempted_at: datetime | None = None
    response_status: int | None = None
    error: str = ""
    tried: tuple[Tried, ...] = ()

    @property
    def name(self) -> str:
        """What it is called among all deliveries: an event is delivered to each webhook under one id."""
        return f"{self.webhook_id} {self.id}"

    def after(self, outcome: Outcome, at: datetime, chance: float) -> "Delivery":
        """The delivery after an attempt. chance: 0..1."""
        failures = self.failures + (not outcome.succeeded)
        tried = Tried(at, round(outcome.took / timedelta(milliseconds=1)), outcome.status, outcome.error)
        told = replace(
            self,
            attempts=self.attempts + 1,
            failures=failures,
            attempted_at=at,
            response_status=outcome.status,
            error=outcome.error,
            due_at=None,
            tried=(*self.tried, tried)[-LOGGED:],
        )
        if outcome.succeeded:
            return replace(told, status="delivered")
        asked = min(outcome.retry_after, LONGEST_ASKED)
        due_at = at + max(SHORTEST_PAUSE, asked, _pause(failures, LONGEST_PAUSE, chance))
        if outcome.status == GONE or due_at > self.expires_at:
            return replace(told, status="failed")
        return replace(told, due_at=due_at)

    def again(self, at: datetime) -> "Delivery":
        """The delivery, to be tried afresh, whatever became of it."""
        return replace(self, status="pending", failures=0, due_at=at, expires_at=at + DELIVERED_WITHIN)


def _pause(failures: int, longest: timedelta, chance: float) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * (1 << min(failures - 1, 20))
    return min(longest, doubled) * chance
