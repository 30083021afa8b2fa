"""Delete a webhook."""

from functions.notification.ports import WebhookWork
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Request


class DeleteWebhook(Request):
    """Which webhook to delete."""

    webhook_id: WebhookId


def delete_webhook(request: DeleteWebhook, caller: Caller, work: WebhookWork) -> None:
    """Delete it with its deliveries; an attempt in flight may still arrive. Raises NotFound."""
    work.webhooks.delete(work.webhooks.get(request.webhook_id, owner=caller.user_id))
