"""Create a webhook: subscribe an address to events."""

from typing import Annotated

import msgspec

from functions.notification.domain.errors import TooManyWebhooks
from functions.notification.domain.webhook import MAX_WEBHOOKS
from functions.notification.ports import WebhookWork
from functions.notification.views import NewWebhookView
from shared.contracts.events import WEBHOOK_TYPES
from shared.contracts.operations import Caller, Request
from shared.errors import Malformed

Url = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2048,
        description="An https URL of a public address, without user information and fragment.",
        examples=["https://shop.example/hooks"],
    ),
]
Type = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(WEBHOOK_TYPES)}, examples=["order.paid"])]


class CreateWebhook(Request):
    """The URL to deliver to, and the types of events."""

    url: Url
    """Where to deliver events to."""

    events: Annotated[list[Type], msgspec.Meta(min_length=1, max_length=len(WEBHOOK_TYPES))]
    """The types of events to be told of, each once."""


def create_webhook(request: CreateWebhook, caller: Caller, work: WebhookWork) -> NewWebhookView:
    """The webhook, with its secret, which is not shown again. It receives its owner's events from now on.

    Deliveries are signed as in Standard Webhooks. They are at least once and unordered: `subject` and `streamversion`
    of the event give the order, and `webhook-id` identifies repeats. Raises Malformed, TooManyWebhooks.
    """
    try:
        work.addresses.check(request.url)
    except ValueError as error:
        raise Malformed(str(error), field="url") from error
    for place, event_type in enumerate(request.events):
        if event_type not in WEBHOOK_TYPES or event_type in request.events[:place]:
            raise Malformed("must be a type of events that webhooks are told, once each", field=f"events[{place}]")
    work.webhooks.lock_owner(caller.user_id)
    if work.webhooks.count(caller.user_id) >= MAX_WEBHOOKS:
        raise TooManyWebhooks
    webhook, secret = work.webhooks.make(caller.user_id, request.url, request.events)
    return NewWebhookView.with_secret(webhook, secret)
