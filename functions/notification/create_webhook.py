"""Ask to be told of events at an address."""

from typing import Annotated

import msgspec

from functions.notification.domain.errors import TooManyWebhooks
from functions.notification.domain.webhook import LIMIT
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
Type = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(WEBHOOK_TYPES)})]


class CreateWebhook(Request):
    """Where to, and which types of events."""

    url: Url
    events: Annotated[list[Type], msgspec.Meta(min_length=1, max_length=len(WEBHOOK_TYPES))]


def create_webhook(request: CreateWebhook, caller: Caller, work: WebhookWork) -> NewWebhookView:
    """The webhook, with its secret, which is not shown again: it is told of what concerns its owner from now on.

    Deliveries are signed as Standard Webhooks. They come at least once, in no certain order: `subject` and
    `streamversion` of the event tell it, and `webhook-id` tells repeats. Raises Malformed, TooManyWebhooks.
    """
    try:
        work.addresses.check(request.url)
    except ValueError as error:
        raise Malformed(str(error), field="url") from error
    for place, wanted in enumerate(request.events):
        if wanted not in WEBHOOK_TYPES or wanted in request.events[:place]:
            raise Malformed("a type of events that webhooks are told, once each", field=f"events[{place}]")
    work.webhooks.lock_owner(caller.user_id)
    if work.webhooks.count(caller.user_id) >= LIMIT:
        raise TooManyWebhooks
    webhook, secret = work.webhooks.make(caller.user_id, request.url, request.events)
    return NewWebhookView.with_secret(webhook, secret)
