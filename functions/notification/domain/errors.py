"""The errors of webhooks."""

from shared.errors import Refusal


class TooManyWebhooks(Refusal):
    """There are as many webhooks as one user may have: delete one first."""

    code = "WEBHOOK_LIMIT"
    cure = "Delete a webhook that is not needed."


class WebhookDisabled(Refusal):
    """The webhook is disabled: enable it first."""

    code = "WEBHOOK_DISABLED"
    cure = "Enable the webhook."
