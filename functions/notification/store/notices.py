"""What users are told, in PostgreSQL: every item has its place in its feed here before anybody reads it."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.notification.domain.concerning import Notice
from functions.notification.domain.feed import Item, Placed
from functions.notification.domain.webhook import DELIVERED_WITHIN, KEPT
from shared import ids
from shared.adapters.postgres import Row
from shared.adapters.queries import queries
from shared.contracts.encode import to_json
from shared.contracts.events import WEBHOOK_TYPES, Event
from shared.contracts.operations import EPOCH

if TYPE_CHECKING:
    from functions.notification.store import Work

SQL: Final = queries(Path(__file__).parent.parent / "sql" / "queries.sql")


class NoticeStore:
    """What users are told, as one transaction sees it."""

    def __init__(self, work: "Work") -> None:
        self._work = work

    def note(self, event: Event[Any], notices: Sequence[Notice]) -> None:
        """A delivery's id is the event's in another kind, so that an event is delivered to a webhook once."""
        now = self._work.now()
        SQL.note(
            self._work.opened,
            notices=to_json([_given(event, notice) for notice in notices]).decode(),
            stream_id=event.stream,
            version=event.version,
            event_id=event.id,
            event_type=event.type,
            at=event.at,
            revision=(now - EPOCH) // timedelta(microseconds=1),
            delivery_id=ids.sibling(event.id, "dlv"),
            now=now,
            since=now - KEPT,
            expires_at=now + DELIVERED_WITHIN,
        )

    def unpublished(self, most: int) -> Sequence[Placed]:
        return [placed(row) for row in SQL.list_unpublished(self._work.opened, now=self._work.now(), most=most)]

    def mark_published(self, placed: Sequence[Placed]) -> None:
        rows = [{"user_id": p.user_id, "position": p.position, "revision": p.revision} for p in placed]
        SQL.mark_published(self._work.opened, placed=to_json(rows).decode())


def placed(row: Row) -> Placed:
    """An item at its place, as a row has it."""
    names = ("id", "type", "subject", "version", "data", "at")
    item = Item(**{name: row[name] for name in names}) if row["type"] else None
    return Placed(row["user_id"], row["position"], row["revision"], item)


def _given(event: Event[Any], notice: Notice) -> dict[str, Any]:
    body = event.structured(notice.data).decode() if event.type in WEBHOOK_TYPES else ""
    return {"user_id": notice.user_id, "data": notice.data, "in_feed": notice.in_feed, "body": body}
