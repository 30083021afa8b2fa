"""Events invalidate the cache."""

from collections.abc import Iterable

from shared import ids
from shared.errors import Unavailable
from shared.redis.cache import Cache
from shared.redis.cache_invalidation import CacheInvalidatingBus
from shared.resources import Resources
from tests.shared.outbox.buses import RecordingBus
from tests.shared.outbox.sample_events import event, to_row


class UnreachableCache(Cache):
    """A cache that cannot be invalidated until the test allows it."""

    deaf = True

    def invalidate(self, names: Iterable[str]) -> None:
        if self.deaf:
            raise Unavailable("Redis does not answer.")
        super().invalidate(names)


def test_what_an_event_tells_of_is_forgotten(resources: Resources) -> None:
    """A writer that died after its commit has invalidated nothing; its event does."""
    cache, order_id = resources.cache(), ids.new("ord", "us")
    assert cache.read("order", order_id, lambda: b"old") == b"old"
    bus = RecordingBus()
    assert CacheInvalidatingBus(bus, cache).publish(to_row(event(order_id, 1))) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"new"


def test_an_unreachable_cache_delays_no_event_and_is_invalidated_later(resources: Resources) -> None:
    """Events are published; failed invalidations are repeated with later events."""
    order_id, other = ids.new("ord", "us"), ids.new("ord", "us")
    cache = UnreachableCache(resources.pipeline(), {"order": resources.cache()._kinds["order"]})
    assert cache.read("order", order_id, lambda: b"old") == b"old"
    telling = CacheInvalidatingBus(RecordingBus(), cache)
    assert telling.publish(to_row(event(order_id, 1))) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"old"
    cache.deaf = False
    assert telling.publish(to_row(event(other, 1))) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"new"
