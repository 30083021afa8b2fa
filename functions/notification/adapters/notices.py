"""Notices in PostgreSQL: every entry gets its position in its feed here, before it is published."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from functions.notification.domain.feed import FeedEntry, Item
from functions.notification.domain.recipients import Notice
from functions.notification.domain.webhook import DELIVERED_WITHIN, RETENTION
from shared import ids
from shared.contracts.encode import to_json
from shared.contracts.events import WEBHOOK_TYPES, Event
from shared.contracts.operations import EPOCH
from shared.postgres.database import Row
from shared.postgres.queries import queries
from shared.telemetry.context import trace_context
from shared.unit_of_work import UnitOfWork

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")


class PostgresNotices:
    """The notices of users, within one transaction."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def record(self, event: Event[Any], notices: Sequence[Notice]) -> None:
        """Derive the delivery's id from the event's, so that an event is delivered to a webhook once."""
        now = self._work.now()
        SQL.record_notices(
            self._work.current_transaction.later,
            notices=to_json([_notice_row(event, notice) for notice in notices]).decode(),
            stream_id=event.stream,
            version=event.version,
            event_id=event.id,
            event_type=event.type,
            at=event.at,
            revision=(now - EPOCH) // timedelta(microseconds=1),
            delivery_id=ids.sibling(event.id, "dlv"),
            traceparent=trace_context().traceparent,
            now=now,
            since=now - RETENTION,
            expires_at=now + DELIVERED_WITHIN,
        )

    def unpublished(self, most: int) -> Sequence[FeedEntry]:
        return [
            placed(row) for row in SQL.list_unpublished(self._work.current_transaction, now=self._work.now(), most=most)
        ]

    def mark_published(self, placed: Sequence[FeedEntry]) -> None:
        rows = [{"user_id": p.user_id, "position": p.position, "revision": p.revision} for p in placed]
        SQL.mark_published(self._work.current_transaction, placed=to_json(rows).decode())


def placed(row: Row) -> FeedEntry:
    """The entry of a row."""
    names = ("id", "type", "subject", "version", "data", "at")
    item = Item(**{name: row[name] for name in names}) if row["type"] else None
    return FeedEntry(row["user_id"], row["position"], row["revision"], item)


def _notice_row(event: Event[Any], notice: Notice) -> dict[str, Any]:
    body = event.structured(notice.data).decode() if event.type in WEBHOOK_TYPES else ""
    return {"user_id": notice.user_id, "data": notice.data, "in_feed": notice.in_feed, "body": body}
