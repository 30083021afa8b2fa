"""Verifying the feeds: feed entries against the events of other services, documents against the entries."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from functions.notification.adapters.feeds import FirestoreFeeds, decoded
from functions.notification.adapters.notices import SQL, placed
from functions.notification.adapters.work import Work
from functions.notification.domain.feed import FeedEntry
from functions.notification.domain.recipients import notices
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent, decode_event
from shared.outbox.source import Sources
from shared.outbox.verify import ConsumedStreams, Projection, ProjectionTable, RowDifference, VerificationReport, verify
from shared.postgres.database import Database, Transaction
from shared.postgres.queries import queries
from shared.registry import load

CONSUMER: Final = "notify_users"
PAGE: Final = 300


class ActivityProjection:
    """The entries of all feeds, a projection of the events of other services."""

    name = "activity"

    def __init__(self, work: Callable[[Transaction | None], Work]) -> None:
        self._work = work

    def verify(self, database: Database) -> VerificationReport:
        """Rebuild them as the consumer does, in temporary tables, which have no webhooks."""
        row = load().rows[CONSUMER]

        def project(transaction: Transaction, history: Sequence[StoredEvent]) -> None:
            work = self._work(transaction)
            for stored in history:
                if stored.type in (row.event or ()):
                    event = decode_event(stored)
                    work.notices.record(event, notices(event.type, event.fields))

        read = Sources(row.service, self._work(None).resources).read
        shadow = queries(Path(__file__).parent.parent / "sql" / "projections.sql")
        return verify(database, ProjectionTable(self.name, ConsumedStreams(row, read), shadow, project))


class FeedDocuments:
    """The published documents, a copy of the entries."""

    name = "documents of activity"

    def __init__(self, work: Callable[[Transaction | None], Work]) -> None:
        self._work = work

    def verify(self, database: Database) -> VerificationReport:
        """Compare each published entry with its document; a newer document was written meanwhile."""
        work = self._work(None)
        seen, last, differences = 0, ("", 0), []
        while True:
            with database.transaction() as transaction:
                rows = SQL.list_published(transaction, after_user=last[0], after_position=last[1], most=PAGE)
            items = [placed(row) for row in rows]
            differences += _compared(work.feeds, work.settings.cell, items)
            seen += len(items)
            if len(items) < PAGE:
                return VerificationReport(seen, differences)
            last = (items[-1].user_id, items[-1].position)


def projections(work: Callable[[Transaction | None], Work]) -> list[Projection]:
    """The projections of other services' events."""
    return [ActivityProjection(work), FeedDocuments(work)]


def _compared(feeds: FirestoreFeeds, cell: str, items: Sequence[FeedEntry]) -> list[RowDifference]:
    expected = {feeds.reference(each.user_id, cell, each.position).id: each for each in items}
    found = {snapshot.id: decoded(snapshot) for snapshot in feeds.find(list(expected)) if snapshot.exists}
    return [
        RowDifference(name, _shown(item), _shown(found.get(name)))
        for name, item in expected.items()
        if not _same(item, found.get(name))
    ]


def _same(item: FeedEntry, document: FeedEntry | None) -> bool:
    newer = document is not None and document.revision > item.revision
    return newer or _shown(item) == _shown(document)


def _shown(item: FeedEntry | None) -> dict[str, Any] | None:
    return {"item": to_json(item.item), "revision": item.revision} if item else None
