"""Let readers in every region see what was noted."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from functions.notification.domain.feed import Placed
from functions.notification.ports import PublishingWork
from shared.jobs.items import for_batch

BATCH: Final = 400
"""How many items are written at once; Firestore takes 500."""


def publish_activity(work: PublishingWork) -> dict[str, int]:
    """Write what is new or was made anew, until there is no more. Returns how many were written, and failed.

    Raises Unavailable: the next run goes on.
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


def _publish(work: PublishingWork, found: Sequence[Placed]) -> int:
    written = work.feeds.write(found)
    if written:
        with work.transaction() as marking:
            marking.notices.mark_published(written)
    return len(written)


def _name(placed: Placed) -> str:
    return f"{placed.user_id} {placed.position}"
