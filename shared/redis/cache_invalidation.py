"""Invalidates cached resources when the events of their changes are relayed.

The writer of a change has done so before it answered. This covers writers that could not: those that died between
commit and response, or could not reach Redis. If the relay cannot reach it either, it retries with each batch.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from shared.bus.transport import AddressedEvent, EventBus
from shared.errors import Unavailable
from shared.redis.cache import Cache

log = logging.getLogger(__name__)

PENDING_AT_MOST: Final = 100_000
"""How many pending invalidations are remembered; beyond that, values expire by themselves."""


class CacheInvalidatingBus:
    """A transport that invalidates the cache for the events it publishes."""

    def __init__(self, bus: EventBus, cache: Cache) -> None:
        self._bus = bus
        self._cache = cache
        self._pending: set[str] = set()

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """As the transport's own; a cache that cannot be reached holds up no event."""
        if len(self._pending) < PENDING_AT_MOST:
            self._pending |= set(_changed(events))
        try:
            self._cache.invalidate(self._pending)
            self._pending = set()
        except Unavailable as error:
            log.warning("%d changes are invalidated later: %s", len(self._pending), error)
        return self._bus.publish(events)


def _changed(events: Iterable[AddressedEvent]) -> Iterable[str]:
    """The resources that events change: their streams, and supplies, whose stock reservations change."""
    for each in events:
        yield each.event.stream
        if isinstance(supply_id := each.event.data.get("supply_id"), str):
            yield supply_id
