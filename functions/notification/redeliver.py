"""Have an event delivered to a webhook once more."""

from functions.notification.domain.errors import WebhookDisabled
from functions.notification.ports import WebhookWork
from functions.notification.views import DeliveryView
from shared.contracts.operations import Caller, Request


class Redeliver(Request):
    """Which delivery, to which webhook."""

    webhook_id: str
    delivery_id: str


def redeliver(request: Redeliver, caller: Caller, work: WebhookWork) -> DeliveryView:
    """The delivery, due at once, tried for 72 hours, under the same `webhook-id`. Raises NotFound, WebhookDisabled."""
    webhook = work.webhooks.get(request.webhook_id, owner=caller.user_id)
    delivery = work.deliveries.lock(webhook, request.delivery_id)
    if webhook.status == "disabled":
        raise WebhookDisabled
    again = delivery.again(work.now())
    work.deliveries.redeliver(again)
    return DeliveryView.of(again)
