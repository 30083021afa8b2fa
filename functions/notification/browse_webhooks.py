"""List the webhooks of all users, for operators."""

from functions.notification.ports import WebhookWork
from functions.notification.views import OwnedWebhookView
from shared.contracts.fields import UserFilter, WebhookFilter
from shared.contracts.operations import Page, PageRequest, page


class BrowseWebhooks(PageRequest):
    """Which webhooks to list; all by default."""

    user_id: UserFilter | None = None
    """Only webhooks of this user."""

    webhook_id: WebhookFilter | None = None
    """Only this webhook."""


def browse_webhooks(request: BrowseWebhooks, work: WebhookWork) -> Page[OwnedWebhookView]:
    """The webhooks of all cells, newest first, without their secrets. Raises Malformed."""
    found = work.webhooks.browse(request.user_id, request.after("whk"), request.limit + 1, request.webhook_id)
    return page([OwnedWebhookView.of(webhook) for webhook in found], request.limit, "id")
