"""What callers see of feeds and webhooks."""

from typing import Any

import msgspec

from functions.notification.domain.feed import Item
from functions.notification.domain.webhook import AttemptRecord, Delivery, DeliveryStatus, Reason, Status, Webhook
from shared.contracts.operations import Resource, Time, View


class ActivityItemView(View):
    """An event, with the data that the caller may see. `version` counts the events of `subject`."""

    id: str
    type: str
    subject: str
    version: int
    data: dict[str, Any]
    at: Time

    @classmethod
    def of(cls, item: Item) -> "ActivityItemView":
        """What a caller sees of an item of their feed."""
        return msgspec.convert(item, cls, from_attributes=True)


class ActivityListView(View):
    """A page of a feed, oldest first; `next_cursor` is always there, since a feed has no end."""

    items: list[ActivityItemView]
    next_cursor: str


class WebhookView(Resource, kw_only=True):
    """A webhook. reason: why it is disabled: `gone` (it answered 410), or `failing` (for 72 hours)."""

    id: str
    url: str
    events: list[str]
    status: Status
    reason: Reason
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookView":
        """What its owner sees of a webhook."""
        return msgspec.convert(webhook, cls, from_attributes=True)


class NewWebhookView(WebhookView, kw_only=True):
    """A webhook with its new secret, which is not shown again."""

    secret: str

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> "NewWebhookView":
        """What its owner sees of a webhook and its new secret."""
        return cls(**msgspec.structs.asdict(WebhookView.of(webhook)), secret=secret)

    def tag(self) -> str:
        """That of the webhook: a secret is no state of it that is shown."""
        shown = {name: getattr(self, name) for name in WebhookView.__struct_fields__}
        return WebhookView(**shown).tag()


class AttemptView(View, kw_only=True):
    """A delivery attempt: when it ended, how long it took, and the response status, or the error that prevented one."""

    at: Time
    duration_ms: int
    response_status: int | None
    error: str | None

    @classmethod
    def of(cls, attempt: AttemptRecord) -> "AttemptView":
        """What the webhook's owner sees of an attempt."""
        return cls(
            at=attempt.at,
            duration_ms=attempt.milliseconds,
            response_status=attempt.status,
            error=attempt.error or None,
        )


class DeliveryView(View, kw_only=True):
    """The delivery of an event to a webhook. `event_id` is the `webhook-id` of every attempt.

    attempt_log: the newest 20 attempts, newest first.
    """

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    error: str | None
    created_at: Time
    last_attempt_at: Time | None
    next_attempt_at: Time | None
    attempt_log: list[AttemptView]

    @classmethod
    def of(cls, delivery: Delivery) -> "DeliveryView":
        """What the webhook's owner sees of a delivery."""
        names = ("id", "webhook_id", "event_id", "event_type", "status", "attempts", "response_status", "created_at")
        return cls(
            **{name: getattr(delivery, name) for name in names},
            error=delivery.error or None,
            last_attempt_at=delivery.attempted_at,
            next_attempt_at=delivery.due_at,
            attempt_log=[AttemptView.of(attempt) for attempt in reversed(delivery.tried)],
        )
