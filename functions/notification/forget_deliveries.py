"""Forget deliveries that came to an end long ago."""

from typing import Final

from functions.notification.domain.webhook import KEPT
from functions.notification.ports import WebhookWork

AT_MOST: Final = 5_000
"""How many are forgotten in one run."""


def forget_deliveries(work: WebhookWork) -> dict[str, int]:
    """Delete some that are past their time; how many."""
    return {"forgotten": work.deliveries.forget(work.now() - KEPT, AT_MOST)}
