"""List the deliveries of a webhook."""

from functions.notification.domain.webhook import DeliveryStatus
from functions.notification.ports import WebhookWork
from functions.notification.views import DeliveryView
from shared.contracts.fields import WebhookId
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListDeliveries(PageRequest, kw_only=True):
    """Which webhook's deliveries, in which state."""

    webhook_id: WebhookId
    status: DeliveryStatus | None = None
    """Only deliveries with this status."""


def list_deliveries(request: ListDeliveries, caller: Caller, work: WebhookWork) -> Page[DeliveryView]:
    """Its deliveries, newest first, each with its attempts; they are purged after 30 days.

    Raises Malformed, NotFound.
    """
    after = request.after("dlv")
    webhook = work.webhooks.get(request.webhook_id, owner=caller.user_id)
    found = work.deliveries.browse(webhook, request.status, after, request.limit + 1)
    return page([DeliveryView.of(delivery) for delivery in found], request.limit, "id")
