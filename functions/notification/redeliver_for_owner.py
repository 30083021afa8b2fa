"""Redeliver an event to anybody's webhook, for operators."""

from functions.notification.ports import WebhookWork
from functions.notification.redelivery import made_due
from functions.notification.views import DeliveryView
from shared.contracts.fields import DeliveryId, WebhookId
from shared.contracts.operations import Caller, Request


class RedeliverForOwner(Request):
    """Which delivery, to which webhook."""

    webhook_id: WebhookId
    delivery_id: DeliveryId


def redeliver_for_owner(request: RedeliverForOwner, caller: Caller, work: WebhookWork) -> DeliveryView:
    """The delivery, as its owner would have it sent again. Raises NotFound, WebhookDisabled."""
    return made_due(work, work.webhooks.find(request.webhook_id), request.delivery_id)
