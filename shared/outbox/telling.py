"""Has what is cached of things forgotten when events tell of their change.

The writer of a change has done so before it answered. This is for those that could not: they ended between commit and
answer, or Redis was out of their reach. Where it is out of the relay's as well, the relay tries again with each batch.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from shared.adapters.cache import Cache
from shared.adapters.transport import EventBus
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable

log = logging.getLogger(__name__)

OWED_AT_MOST: Final = 100_000
"""How many things are remembered that Redis was not told of; beyond that, time tells it."""


class Telling:
    """A transport that tells the cache of what it carries."""

    def __init__(self, bus: EventBus, cache: Cache) -> None:
        self._bus = bus
        self._cache = cache
        self._owed: set[str] = set()

    def publish(self, events: Sequence[StoredEvent]) -> list[bool]:
        """As the transport's own; a cache that cannot be told holds up no event."""
        if len(self._owed) < OWED_AT_MOST:
            self._owed |= set(_changed(events))
        try:
            self._cache.forget(self._owed)
            self._owed = set()
        except Unavailable as error:
            log.warning("%d changes are told of later: %s", len(self._owed), error)
        return self._bus.publish(events)


def _changed(events: Iterable[StoredEvent]) -> Iterable[str]:
    """What events tell of: their streams, and supplies, whose stock reservations change."""
    for event in events:
        yield event.stream
        if isinstance(supply_id := event.data.get("supply_id"), str):
            yield supply_id
