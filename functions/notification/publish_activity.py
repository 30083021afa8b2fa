"""Let readers in every region see what was noted."""

from typing import Final

from functions.notification.ports import PublishingWork

BATCH: Final = 400
"""How many items are written at once; Firestore takes 500."""


def publish_activity(work: PublishingWork) -> dict[str, int]:
    """Write what is new or was made anew, until there is no more. Raises Unavailable: the next run goes on."""
    published = 0
    while True:
        with work.transaction() as reading:
            found = reading.notices.unpublished(BATCH)
        written = work.feeds.write(found) if found else []
        if written:
            with work.transaction() as marking:
                marking.notices.mark_published(written)
        published += len(written)
        if len(written) < BATCH:
            return {"published": published}
