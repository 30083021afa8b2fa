"""Feeds in Firestore, where every region reads them: a document for each place, named by user, cell and position.

Documents of one lane sort by their names, so that reading needs no index. A document has its item's revision: it is
created, or updated on the condition that it is as it was read and older; so a writer that comes late, or twice, changes
nothing. There are no transactions: contended ones stall.
"""

import threading
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from functions.notification.domain.feed import Item, Placed, Places, page
from shared.adapters.firestore import answering, patience
from shared.contracts.encode import to_json

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

    from shared.adapters.resources import Resources

COLLECTION: Final = "activity"
DIGITS: Final = 12
LOOK_SECONDS: Final = 0.4
"""How long who waits for an item pauses between two looks."""


class FeedStore:
    """Feeds, as readers everywhere see them."""

    def __init__(self, resources: "Resources", cells: Collection[str]) -> None:
        self._client = resources.firestore()
        self._breaker = resources.breaker("firestore")
        self._cell = resources.settings.cell
        self._cells = cells
        self._waiting = resources.once("activity waiters", lambda: Waiting(resources.settings.activity_waiters))

    def reference(self, user_id: str, cell: str, position: int) -> "DocumentReference":
        """The document of a place."""
        return self._client.collection(COLLECTION).document(f"{user_id}@{cell}@{position:0{DIGITS}}")

    def read(self, user_id: str, places: Places, limit: int) -> tuple[list[Item], Places]:
        with answering(self._breaker):
            lanes = {
                cell: self._lane(user_id, cell, places.by_cell[cell], limit) for cell in self._news(user_id, places)
            }
        return page(places, lanes, limit)

    def _news(self, user_id: str, places: Places) -> list[str]:
        """The cells whose next place is there, asked in one call."""
        after = {self.reference(user_id, cell, places.by_cell[cell] + 1).id: cell for cell in self._cells}
        references = [self._client.collection(COLLECTION).document(name) for name in after]
        found = self._client.get_all(references, field_paths=["revision"], **patience())
        return [after[snapshot.id] for snapshot in found if snapshot.exists]

    def find(self, names: Sequence[str]) -> list[Any]:
        """The documents of these names, as they are. Raises Unavailable."""
        references = [self._client.collection(COLLECTION).document(name) for name in names]
        with answering(self._breaker):
            return list(self._client.get_all(references, **patience())) if references else []

    def _lane(self, user_id: str, cell: str, after: int, limit: int) -> list[Placed]:
        from google.cloud.firestore import FieldFilter

        first, last = (self.reference(user_id, cell, position) for position in (after + 1, after + limit))
        query = self._client.collection(COLLECTION).order_by("__name__").limit(limit)
        query = query.where(filter=FieldFilter("__name__", ">=", first))
        query = query.where(filter=FieldFilter("__name__", "<=", last))
        return [decoded(snapshot) for snapshot in query.stream(**patience())]

    def wait(self, user_id: str, places: Places, limit: int, seconds: int) -> tuple[list[Item], Places]:
        until = time.monotonic() + seconds
        found = self.read(user_id, places, limit)
        if found[0] or not self._waiting.enter(user_id):
            return found
        try:
            while not found[0] and time.monotonic() < until:
                time.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))
                found = self.read(user_id, found[1], limit)
        finally:
            self._waiting.leave(user_id)
        return found

    def write(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        from google.api_core.exceptions import AlreadyExists

        batch = self._client.batch()
        for each in placed:
            batch.create(self.reference(each.user_id, self._cell, each.position), encoded(each))
        with answering(self._breaker, writes=True), suppress(AlreadyExists):
            batch.commit(**patience())
            return placed
        return self._update(placed)

    def _update(self, placed: Sequence[Placed]) -> Sequence[Placed]:
        """Write over what is older; what changes meanwhile is left to the next run."""
        from google.api_core.exceptions import AlreadyExists, FailedPrecondition

        wanted = {self.reference(each.user_id, self._cell, each.position).id: each for each in placed}
        batch, written = self._client.batch(), 0
        for snapshot in self.find(list(wanted)):
            each = wanted[snapshot.id]
            if not snapshot.exists:
                batch.create(snapshot.reference, encoded(each))
                written += 1
            elif snapshot.get("revision") < each.revision:
                unchanged = self._client.write_option(last_update_time=snapshot.update_time)
                batch.update(snapshot.reference, encoded(each), option=unchanged)
                written += 1
        if not written:
            return placed
        with answering(self._breaker, writes=True), suppress(AlreadyExists, FailedPrecondition):
            batch.commit(**patience())
            return placed
        return []


class Waiting:
    """Who waits for activity in this process: so many at once, and everybody once, lest others find no thread left."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._users: set[str] = set()
        self._lock = threading.Lock()

    def enter(self, user_id: str) -> bool:
        """Whether there is room for this user to wait."""
        with self._lock:
            if user_id in self._users or len(self._users) >= self._most:
                return False
            self._users.add(user_id)
            return True

    def leave(self, user_id: str) -> None:
        """They wait no longer."""
        with self._lock:
            self._users.discard(user_id)


def encoded(placed: Placed) -> dict[str, Any]:
    """A document's content; the item is a text, so that none of it is indexed by its fields."""
    item = to_json(placed.item).decode() if placed.item else None
    return {"user_id": placed.user_id, "position": placed.position, "revision": placed.revision, "item": item}


def decoded(snapshot: Any) -> Placed:
    """What a document says."""
    item = snapshot.get("item")
    known = msgspec.json.decode(item, type=Item) if item is not None else None
    return Placed(snapshot.get("user_id"), snapshot.get("position"), snapshot.get("revision"), known)
