"""Rotate the signing secret of a webhook."""

from datetime import timedelta
from typing import Annotated

import msgspec

from functions.notification.domain.webhook import MAX_GRACE_SECONDS
from functions.notification.ports import WebhookWork
from functions.notification.views import NewWebhookView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Request

GraceSeconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_GRACE_SECONDS, examples=[3600])]


class RotateSecret(Request):
    """How to rotate the secret."""

    in_example = frozenset({"grace_seconds"})

    webhook_id: WebhookId
    grace_seconds: GraceSeconds = 24 * 60 * 60
    """For how many seconds the previous secret signs too."""


def rotate_secret(request: RotateSecret, caller: Caller, work: WebhookWork) -> NewWebhookView:
    """The webhook with a new secret, which is not shown again; meanwhile deliveries carry a signature by each secret.

    Raises Malformed, NotFound.
    """
    webhook = work.webhooks.get(request.webhook_id, owner=caller.user_id)
    until = work.now() + timedelta(seconds=request.grace_seconds)
    secret = work.webhooks.rotate(webhook, until)
    return NewWebhookView.with_secret(webhook, secret)
