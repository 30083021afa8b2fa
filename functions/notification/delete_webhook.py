"""Be told no more at an address."""

from functions.notification.ports import WebhookWork
from shared.contracts.operations import Caller, Request


class DeleteWebhook(Request):
    """Which webhook to delete."""

    webhook_id: str


def delete_webhook(request: DeleteWebhook, caller: Caller, work: WebhookWork) -> None:
    """Delete it with its deliveries; what is on its way at this moment may yet arrive. Raises NotFound."""
    work.webhooks.delete(work.webhooks.get(request.webhook_id, owner=caller.user_id))
