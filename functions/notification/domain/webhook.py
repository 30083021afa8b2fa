"""Webhooks, their deliveries, and how attempts change both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

MAX_WEBHOOKS: Final = 50
"""How many webhooks one user may have."""

DELIVERED_WITHIN: Final = timedelta(hours=72)
"""How long a delivery is retried (the contract)."""

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=4)
"""Exponential back-off between attempts of a delivery: first and longest pause, with full jitter, but never less than
SHORTEST_PAUSE."""

SHORTEST_PAUSE: Final = timedelta(seconds=1)
LONGEST_RETRY_AFTER: Final = timedelta(hours=1)
"""The longest Retry-After that is honoured."""

LONGEST_REST: Final = timedelta(minutes=1)
"""The longest pause for an address that fails, so that it costs one attempt a minute rather than one per delivery."""

RETENTION: Final = timedelta(days=30)
"""How long after its creation an ended delivery is kept, and the greatest age of an event that is still queued: so an
event that is redelivered to us, or replayed, is never delivered twice."""

DISABLED_AFTER: Final = timedelta(hours=72)
DISABLED_ATTEMPTS: Final = 10
"""A webhook is disabled once it has only failed for this long, and this often."""

MAX_ATTEMPT_LOG: Final = 20
"""How many of a delivery's attempts are kept, the newest ones."""

MAX_GRACE_SECONDS: Final = 7 * 24 * 60 * 60
"""The longest time that a secret may sign along with its successor."""

GONE: Final = 410
"""The status by which an address unsubscribes (Standard Webhooks)."""

Status = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
Reason = Literal["", "gone", "failing"]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address subscribed to some types of events.

    reason: why it is disabled. trusted: whether the last attempt succeeded; untrusted addresses share few connections
    among them. failures: attempts that failed since the last success; failing_since: when the first of them did.
    rests_until: nothing is sent before. disablings: how often it was disabled. listens_since: when it was created or
    last enabled; it receives no event from before.
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
        expired = at - since >= DISABLED_AFTER and failures >= DISABLED_ATTEMPTS
        reason: Reason = "gone" if outcome.status == GONE else "failing" if expired else ""
        failed = replace(self, trusted=False, failures=failures, failing_since=since)
        if reason and self.status == "enabled":
            return replace(failed, status="disabled", reason=reason, disablings=self.disablings + 1, updated_at=at)
        rest = _pause(failures, LONGEST_REST, chance) if failures > 1 else timedelta()
        return replace(failed, rests_until=at + max(rest, min(outcome.retry_after, LONGEST_RETRY_AFTER)))

    def enabled(self, at: datetime) -> "Webhook":
        """The webhook enabled again, its failures reset."""
        if self.status == "enabled":
            return self
        reset = replace(self, status="enabled", reason="", listens_since=at, updated_at=at)
        return replace(reset, trusted=False, failures=0, failing_since=None, rests_until=None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt: the response status, or the error that prevented a response.

    retry_after: the pause that the address requests. took: how long the attempt took.
    """

    status: int | None
    error: str = ""
    retry_after: timedelta = timedelta()
    took: timedelta = timedelta()

    @property
    def succeeded(self) -> bool:
        """Only 2xx; a redirect is not followed, and counts as a failure."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An attempt in a delivery's log. at: when it ended."""

    at: datetime
    milliseconds: int
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of an event to a webhook.

    failures: attempts that failed since it was created or last redelivered. tried: the newest attempts, oldest first.
    """

    looked_after: ClassVar[Mapping[str, str]] = {"pending": "send_deliveries"}
    ends: ClassVar[frozenset[str]] = frozenset({"delivered", "failed"})
    """The registry row that handles each non-terminal state, at a stored due time; and the terminal states."""

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
    tried: tuple[AttemptRecord, ...] = ()

    @property
    def name(self) -> str:
        """Its unique name: deliveries of one event to several webhooks share an id."""
        return f"{self.webhook_id} {self.id}"

    def after(self, outcome: Outcome, at: datetime, chance: float) -> "Delivery":
        """The delivery after an attempt. chance: 0..1."""
        failures = self.failures + (not outcome.succeeded)
        attempt = AttemptRecord(at, round(outcome.took / timedelta(milliseconds=1)), outcome.status, outcome.error)
        attempted = replace(
            self,
            attempts=self.attempts + 1,
            failures=failures,
            attempted_at=at,
            response_status=outcome.status,
            error=outcome.error,
            due_at=None,
            tried=(*self.tried, attempt)[-MAX_ATTEMPT_LOG:],
        )
        if outcome.succeeded:
            return replace(attempted, status="delivered")
        requested = min(outcome.retry_after, LONGEST_RETRY_AFTER)
        due_at = at + max(SHORTEST_PAUSE, requested, _pause(failures, LONGEST_PAUSE, chance))
        if outcome.status == GONE or due_at > self.expires_at:
            return replace(attempted, status="failed")
        return replace(attempted, due_at=due_at)

    def redelivered(self, at: datetime) -> "Delivery":
        """The delivery, due again whatever its state."""
        return replace(self, status="pending", failures=0, due_at=at, expires_at=at + DELIVERED_WITHIN)


def _pause(failures: int, longest: timedelta, chance: float) -> timedelta:
    doubled: timedelta = FIRST_PAUSE * (1 << min(failures - 1, 20))
    return min(longest, doubled) * chance
