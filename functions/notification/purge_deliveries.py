"""Purge ended deliveries that are older than the retention time."""

from typing import Final

from functions.notification.domain.webhook import RETENTION
from functions.notification.ports import WebhookWork

AT_MOST: Final = 5_000
"""The most deliveries purged in one run."""


def purge_deliveries(work: WebhookWork) -> dict[str, int]:
    """Delete one batch that is past its retention time. Returns how many."""
    return {"forgotten": work.deliveries.purge(work.now() - RETENTION, AT_MOST)}
