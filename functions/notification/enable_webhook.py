"""Enable a webhook that was disabled."""

from functions.notification.ports import WebhookWork
from functions.notification.views import WebhookView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Request


class EnableWebhook(Request):
    """Which webhook to enable."""

    webhook_id: WebhookId


def enable_webhook(request: EnableWebhook, caller: Caller, work: WebhookWork) -> WebhookView:
    """The webhook, which receives events from now on; those it missed can be redelivered. Raises NotFound."""
    webhook = work.webhooks.get(request.webhook_id, owner=caller.user_id).enabled(work.now())
    work.webhooks.save(webhook)
    return WebhookView.of(webhook)
