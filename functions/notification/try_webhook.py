"""Send a test event to a webhook."""

from functions.notification.domain.errors import WebhookDisabled
from functions.notification.ports import WebhookWork
from functions.notification.views import DeliveryView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Request


class TryWebhook(Request):
    """Which webhook to test."""

    webhook_id: WebhookId


def try_webhook(request: TryWebhook, caller: Caller, work: WebhookWork) -> DeliveryView:
    """The delivery of an event of type `webhook.test`, retried like any other. Raises NotFound, WebhookDisabled."""
    webhook = work.webhooks.get(request.webhook_id, owner=caller.user_id)
    if webhook.status == "disabled":
        raise WebhookDisabled
    return DeliveryView.of(work.deliveries.make_test(webhook))
