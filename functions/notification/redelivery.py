"""Sending a delivery again: what owners and operators of the system may ask for."""

from functions.notification.domain.errors import WebhookDisabled
from functions.notification.domain.webhook import Webhook
from functions.notification.ports import WebhookWork
from functions.notification.views import DeliveryView


def made_due(work: WebhookWork, webhook: Webhook, delivery_id: str) -> DeliveryView:
    """A delivery to a locked webhook, due now whatever its state. Raises NotFound, WebhookDisabled."""
    delivery = work.deliveries.lock(webhook, delivery_id)
    if webhook.status == "disabled":
        raise WebhookDisabled
    due = delivery.redelivered(work.now())
    work.deliveries.redeliver(due)
    return DeliveryView.of(due)
