"""Show one of the caller's webhooks."""

from functions.notification.ports import WebhookWork
from functions.notification.views import WebhookView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Request


class GetWebhook(Request):
    """Which webhook to show."""

    webhook_id: WebhookId


def get_webhook(request: GetWebhook, caller: Caller, work: WebhookWork) -> WebhookView:
    """The webhook, without its secret. Raises NotFound."""
    return WebhookView.of(work.webhooks.get(request.webhook_id, owner=caller.user_id))
