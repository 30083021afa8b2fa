"""List the caller's webhooks."""

from functions.notification.ports import WebhookWork
from functions.notification.views import WebhookView
from shared.contracts.operations import Caller, Page, PageRequest, page


class ListWebhooks(PageRequest):
    """Which webhooks to list."""


def list_webhooks(request: ListWebhooks, caller: Caller, work: WebhookWork) -> Page[WebhookView]:
    """The caller's webhooks, newest first, without their secrets. Raises Malformed."""
    found = work.webhooks.browse(caller.user_id, request.after("whk"), request.limit + 1)
    return page([WebhookView.of(webhook) for webhook in found], request.limit, "id")
