"""List the deliveries of anybody's webhook, for operators."""

from functions.notification.domain.webhook import DeliveryStatus
from functions.notification.ports import WebhookWork
from functions.notification.views import DeliveryView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Page, PageRequest, page


class BrowseDeliveries(PageRequest, kw_only=True):
    """Which webhook's deliveries, in which state."""

    webhook_id: WebhookId
    status: DeliveryStatus | None = None
    """Only deliveries with this status."""


def browse_deliveries(request: BrowseDeliveries, work: WebhookWork) -> Page[DeliveryView]:
    """Its deliveries, newest first, each with its attempts. Raises Malformed, NotFound."""
    after = request.after("dlv")
    webhook = work.webhooks.find(request.webhook_id)
    found = work.deliveries.browse(webhook, request.status, after, request.limit + 1)
    return page([DeliveryView.of(delivery) for delivery in found], request.limit, "id")
