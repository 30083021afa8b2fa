"""Redeliver an event to a webhook."""

from functions.notification.ports import WebhookWork
from functions.notification.redelivery import made_due
from functions.notification.views import DeliveryView
from shared.contracts.fields import DeliveryId, WebhookId
from shared.contracts.operations import Caller, Request


class Redeliver(Request):
    """Which delivery, to which webhook."""

    webhook_id: WebhookId
    delivery_id: DeliveryId


def redeliver(request: Redeliver, caller: Caller, work: WebhookWork) -> DeliveryView:
    """The delivery, due now and tried for 72 hours, with the same `webhook-id`. Raises NotFound, WebhookDisabled."""
    return made_due(work, work.webhooks.get(request.webhook_id, owner=caller.user_id), request.delivery_id)
