"""Proof that feeds say what the events of others say: items by their events, documents by their items."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from functions.notification.domain.concerning import notices
from functions.notification.domain.feed import Placed
from functions.notification.store.feeds import FeedStore, decoded
from functions.notification.store.notices import SQL, placed
from shared.adapters.postgres import Database, Transaction
from shared.adapters.queries import queries
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent, opened
from shared.outbox.source import Sources
from shared.outbox.verify import ConsumedStreams, Difference, Table, Verified, verify
from shared.registry import load

if TYPE_CHECKING:
    from functions.notification.store import Work

CONSUMER: Final = "notify_users"
PAGE: Final = 300


class Activity:
    """The items of all feeds, made of the events of other services."""

    name = "activity"

    def __init__(self, work: "Callable[[Transaction | None], Work]") -> None:
        self._work = work

    def verify(self, database: Database) -> Verified:
        """Made anew as the consumer makes them, in tables of their own, which have no webhooks."""
        row = load().rows[CONSUMER]

        def project(transaction: Transaction, history: Sequence[StoredEvent]) -> None:
            work = self._work(transaction)
            for stored in history:
                if stored.type in (row.event or ()):
                    event = opened(stored)
                    work.notices.note(event, notices(event.type, event.fields))

        read = Sources(row.service, self._work(None).resources).read
        anew = queries(Path(__file__).parent.parent / "sql" / "projections.sql")
        return verify(database, Table(self.name, ConsumedStreams(row, read), anew, project))


class Documents:
    """The documents that readers everywhere see, made of the items."""

    name = "documents of activity"

    def __init__(self, work: "Callable[[Transaction | None], Work]") -> None:
        self._work = work

    def verify(self, database: Database) -> Verified:
        """Each item that counts as published, beside its document; one that is newer by now was written meanwhile."""
        work = self._work(None)
        seen, last, differences = 0, ("", 0), []
        while True:
            with database.transaction() as transaction:
                rows = SQL.list_published(transaction, after_user=last[0], after_position=last[1], most=PAGE)
            items = [placed(row) for row in rows]
            differences += _compared(work.feeds, work.settings.cell, items)
            seen += len(items)
            if len(items) < PAGE:
                return Verified(seen, differences)
            last = (items[-1].user_id, items[-1].position)


def _compared(feeds: FeedStore, cell: str, items: Sequence[Placed]) -> list[Difference]:
    wanted = {feeds.reference(each.user_id, cell, each.position).id: each for each in items}
    found = {snapshot.id: decoded(snapshot) for snapshot in feeds.find(list(wanted)) if snapshot.exists}
    return [
        Difference(name, _shown(item), _shown(found.get(name)))
        for name, item in wanted.items()
        if not _same(item, found.get(name))
    ]


def _same(item: Placed, document: Placed | None) -> bool:
    newer = document is not None and document.revision > item.revision
    return newer or _shown(item) == _shown(document)


def _shown(item: Placed | None) -> dict[str, Any] | None:
    return {"item": to_json(item.item), "revision": item.revision} if item else None
