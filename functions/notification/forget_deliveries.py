"""Forget deliveries that came to an end long ago."""

from datetime import timedelta
from typing import Final

from functions.notification.ports import WebhookWork

KEPT: Final = timedelta(days=30)
AT_MOST: Final = 5_000
"""How many are forgotten in one run."""


def forget_deliveries(work: WebhookWork) -> dict[str, int]:
    """Delete some that are past their time; how many."""
    return {"forgotten": work.deliveries.forget(work.now() - KEPT, AT_MOST)}
