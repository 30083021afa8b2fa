"""Feeds in Firestore, where every region reads them: one document per entry, named by user, cell and position.

The documents of a lane sort by name, so that reading needs no index. A document carries its entry's revision: it is
created, or updated on the precondition that it is unchanged since it was read, and older. So a late or repeated write
changes nothing. There are no Firestore transactions, since contended ones stall.
"""

import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.notification.domain.feed import FeedCursor, FeedEntry, Item, page
from shared.contracts.encode import to_json
from shared.decoding import ready
from shared.firestore.calls import call_options, guarded

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

    from shared.resources import Resources

COLLECTION: Final = "activity"
DIGITS: Final = 12
POLL_SECONDS: Final = 0.4
"""The pause between two reads of a long poll."""


class FirestoreFeeds:
    """Feeds, as published to every region."""

    def __init__(self, resources: "Resources", cells: Collection[str]) -> None:
        self._client = resources.firestore()
        self._breaker = resources.breaker("firestore")
        self._cell = resources.settings.cell
        self._cells = cells
        self._gate = resources.gate("notification")
        self._waiting = resources.once("activity waiters", lambda: LongPollSlots(resources.settings.activity_waiters))

    def reference(self, user_id: str, cell: str, position: int) -> "DocumentReference":
        """The document of a position."""
        return self._client.collection(COLLECTION).document(f"{user_id}@{cell}@{position:0{DIGITS}}")

    def read(self, user_id: str, places: FeedCursor, limit: int) -> tuple[list[Item], FeedCursor]:
        with guarded(self._breaker):
            lanes = {
                cell: self._lane(user_id, cell, places.by_cell[cell], limit) for cell in self._news(user_id, places)
            }
        return page(places, lanes, limit)

    def _news(self, user_id: str, places: FeedCursor) -> list[str]:
        """The cells whose next position exists, found in one call."""
        after = {self.reference(user_id, cell, places.by_cell[cell] + 1).id: cell for cell in self._cells}
        references = [self._client.collection(COLLECTION).document(name) for name in after]
        found = self._client.get_all(references, field_paths=["revision"], **call_options())
        return [after[snapshot.id] for snapshot in found if snapshot.exists]

    def find(self, names: Sequence[str]) -> list[Any]:
        """The documents of these names. Raises Unavailable."""
        references = [self._client.collection(COLLECTION).document(name) for name in names]
        with guarded(self._breaker):
            return list(self._client.get_all(references, **call_options())) if references else []

    def _lane(self, user_id: str, cell: str, after: int, limit: int) -> list[FeedEntry]:
        from google.cloud.firestore import FieldFilter

        first, last = (self.reference(user_id, cell, position) for position in (after + 1, after + limit))
        query = self._client.collection(COLLECTION).order_by("__name__").limit(limit)
        query = query.where(filter=FieldFilter("__name__", ">=", first))
        query = query.where(filter=FieldFilter("__name__", "<=", last))
        return [decoded(snapshot) for snapshot in query.stream(**call_options())]

    def wait(self, user_id: str, places: FeedCursor, limit: int, seconds: int) -> tuple[list[Item], FeedCursor]:
        until = time.monotonic() + seconds
        found = self.read(user_id, places, limit)
        if found[0] or not self._waiting.enter(user_id):
            return found
        try:
            while not found[0] and time.monotonic() < until:
                time.sleep(min(POLL_SECONDS, max(0.0, until - time.monotonic())))
                found = self.read(user_id, found[1], limit)
        finally:
            self._waiting.leave(user_id)
        return found

    def write(self, placed: Sequence[FeedEntry]) -> Sequence[FeedEntry]:
        from google.api_core.exceptions import AlreadyExists

        if self._gate:
            self._gate.wait("activity")
        batch = self._client.batch()
        for each in placed:
            batch.create(self.reference(each.user_id, self._cell, each.position), encoded(each))
        with guarded(self._breaker, writes=True), suppress(AlreadyExists):
            batch.commit(**call_options())
            return placed
        return self._update(placed)

    def _update(self, placed: Sequence[FeedEntry]) -> Sequence[FeedEntry]:
        """Overwrite older documents; those that change meanwhile are left to the next run."""
        from google.api_core.exceptions import AlreadyExists, FailedPrecondition

        entries = {self.reference(each.user_id, self._cell, each.position).id: each for each in placed}
        batch, written = self._client.batch(), 0
        for snapshot in self.find(list(entries)):
            each = entries[snapshot.id]
            if not snapshot.exists:
                batch.create(snapshot.reference, encoded(each))
                written += 1
            elif snapshot.get("revision") < each.revision:
                unchanged = self._client.write_option(last_update_time=snapshot.update_time)
                batch.update(snapshot.reference, encoded(each), option=unchanged)
                written += 1
        if not written:
            return placed
        with guarded(self._breaker, writes=True), suppress(AlreadyExists, FailedPrecondition):
            batch.commit(**call_options())
            return placed
        return []


class LongPollSlots:
    """The long polls of this process: a limited number at once, one per user, so that threads are left for others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._users: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, user_id: str) -> bool:
        """Take a slot for this user; False if there is none."""
        with self._lock:
            if user_id in self._users or len(self._users) >= self._most:
                return False
            self._users.add(user_id)
            return True

    def leave(self, user_id: str) -> None:
        """Free this user's slot."""
        with self._lock:
            self._users.discard(user_id)


def encoded(placed: FeedEntry) -> dict[str, Any]:
    """A document's content; the item is a JSON text, so that Firestore does not index its fields."""
    item = to_json(placed.item).decode() if placed.item else None
    return {"user_id": placed.user_id, "position": placed.position, "revision": placed.revision, "item": item}


def decoded(snapshot: Any) -> FeedEntry:
    """The entry of a document."""
    item = snapshot.get("item")
    known = msgspec.json.decode(item, type=ready(Item)) if item is not None else None
    return FeedEntry(snapshot.get("user_id"), snapshot.get("position"), snapshot.get("revision"), known)
