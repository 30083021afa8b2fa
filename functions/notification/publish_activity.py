"""Publish feed entries from PostgreSQL to Firestore, where every region reads them."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.notification.domain.feed import FeedEntry
from functions.notification.ports import PublishingWork
from shared.jobs.items import for_batch

BATCH: Final = 400
"""How many entries are written at once; Firestore's limit is 500."""


def publish_activity(work: PublishingWork) -> dict[str, int]:
    """Write new and changed entries until there are none left. Returns how many were written, and failed.

    Raises Unavailable; the next run continues.
    """
    published = failed = 0
    while True:
        with work.transaction() as reading:
            found = reading.notices.unpublished(BATCH)
        ran = for_batch("publish_activity", found, _name, partial(_publish, work), work)
        written = sum(ran.results)
        published += written
        failed += ran.failed
        if written + ran.failed < BATCH:
            return {"published": published, "failed": failed}


def _publish(work: PublishingWork, found: Sequence[FeedEntry]) -> int:
    written = work.feeds.write(found)
    if written:
        with work.transaction() as marking:
            marking.notices.mark_published(written)
    return len(written)


def _name(placed: FeedEntry) -> str:
    return f"{placed.user_id} {placed.position}"
