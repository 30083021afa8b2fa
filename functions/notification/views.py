"""What callers see of feeds and webhooks."""

from typing import Annotated, Self

import msgspec

from functions.notification.domain.feed import Item
from functions.notification.domain.webhook import AttemptRecord, Delivery, DeliveryStatus, Reason, Status, Webhook
from shared.contracts.fields import DeliveryId, EventData, EventId, EventType, UserId, Version, WebhookId, example_id
from shared.contracts.operations import Cursor, Resource, Time, View
from shared.decoding import ready

HttpStatus = Annotated[int, msgspec.Meta(examples=[200])]
DeliveryError = Annotated[str, msgspec.Meta(examples=["the connection was refused"])]
ShownUrl = Annotated[str, msgspec.Meta(examples=["https://shop.example/hooks"])]


class ActivityItemView(View):
    """An event, with the data that the caller may see."""

    id: EventId
    """The event's id: the `webhook-id` under which webhooks deliver it."""

    type: EventType
    """What happened."""

    subject: Annotated[str, msgspec.Meta(examples=[example_id("ord")])]
    """The id of what it happened to."""

    version: Version
    """Its place among the events of its subject, from 1; types that are not shown leave gaps."""

    data: EventData
    """The event's data, in the form that webhooks deliver (see `webhooks` in this document)."""

    at: Time
    """When it happened."""

    @classmethod
    def of(cls, item: Item) -> "ActivityItemView":
        """What a caller sees of an item of their feed."""
        return msgspec.convert(item, ready(cls), from_attributes=True)


class ActivityListView(View):
    """A page of a feed, which has no end."""

    items: list[ActivityItemView]
    """The events, the oldest first; empty if there is nothing new."""

    next_cursor: Cursor
    """The cursor that goes on behind the last item, whether or not there is more yet."""


class WebhookView(Resource, kw_only=True):
    """A webhook."""

    id: WebhookId
    """The webhook's id."""

    url: ShownUrl
    """Where events are delivered to."""

    events: list[EventType]
    """The types that it is told."""

    status: Status
    """A disabled webhook is delivered nothing until it is enabled again."""

    reason: Reason
    """Why it is disabled: `gone` (it answered 410) or `failing` (for 72 hours); empty if it is not."""

    created_at: Time
    """When it was created."""

    updated_at: Time
    """When it was last changed."""

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """What is seen of a webhook."""
        return msgspec.convert(webhook, ready(cls), from_attributes=True)


class OwnedWebhookView(WebhookView, kw_only=True):
    """A webhook, as operators see it."""

    user_id: UserId
    """Whose it is."""


class NewWebhookView(WebhookView, kw_only=True):
    """A webhook with its new secret, which is not shown again."""

    secret: Annotated[str, msgspec.Meta(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]
    """What deliveries are signed with (Standard Webhooks); it is not shown again."""

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> "NewWebhookView":
        """What its owner sees of a webhook and its new secret."""
        return cls(**msgspec.structs.asdict(WebhookView.of(webhook)), secret=secret)

    def tag(self) -> str:
        """That of the webhook: a secret is no state of it that is shown."""
        shown = {name: getattr(self, name) for name in WebhookView.__struct_fields__}
        return WebhookView(**shown).tag()


class AttemptView(View, kw_only=True):
    """An attempt to deliver an event."""

    at: Time
    """When it ended."""

    duration_ms: Annotated[int, msgspec.Meta(examples=[87])]
    """How long it took, in milliseconds."""

    response_status: HttpStatus | None
    """The HTTP status of the response; null if there was none."""

    error: DeliveryError | None
    """What prevented a response; null if there was one."""

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
    """The delivery of an event to a webhook."""

    id: DeliveryId
    """The delivery's id."""

    webhook_id: WebhookId
    """The webhook that it is for."""

    event_id: EventId
    """The event that is delivered; the `webhook-id` of every attempt."""

    event_type: EventType
    """The event's type."""

    status: DeliveryStatus
    """`pending`: due at `next_attempt_at`; `delivered`: answered with 2xx; `failed`: given up after 72 hours."""

    attempts: Annotated[int, msgspec.Meta(examples=[1])]
    """How often it was tried."""

    response_status: HttpStatus | None
    """The HTTP status of the last attempt's response; null if there was none."""

    error: DeliveryError | None
    """What prevented the last attempt's response; null if there was one."""

    created_at: Time
    """When the event was to be delivered first."""

    last_attempt_at: Time | None
    """When it was last tried; null if it never was."""

    next_attempt_at: Time | None
    """When it is tried next; null if it is not."""

    attempt_log: list[AttemptView]
    """The newest 20 attempts, the newest first."""

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
