"""Events have what is cached forgotten."""

from collections.abc import Iterable

from shared import ids
from shared.adapters.cache import Cache
from shared.adapters.resources import Resources
from shared.errors import Unavailable
from shared.outbox.telling import Telling
from tests.shared.outbox.buses import RecordingBus
from tests.shared.outbox.facts import event


class DeafCache(Cache):
    """A cache that cannot be told until a test lets it."""

    deaf = True

    def forget(self, names: Iterable[str]) -> None:
        if self.deaf:
            raise Unavailable("Redis does not answer.")
        super().forget(names)


def test_what_an_event_tells_of_is_forgotten(resources: Resources) -> None:
    """A writer that ended after its commit has told nobody; its event does."""
    cache, order_id = resources.cache(), ids.new("ord", "us")
    assert cache.read("order", order_id, lambda: b"old") == b"old"
    bus = RecordingBus()
    assert Telling(bus, cache).publish([event(order_id, 1)]) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"new"


def test_a_deaf_cache_holds_up_no_event_and_is_told_later(resources: Resources) -> None:
    """Events go out; what could not be told is told with those that follow."""
    order_id, other = ids.new("ord", "us"), ids.new("ord", "us")
    cache = DeafCache(resources.asker(), {"order": resources.cache()._kinds["order"]})
    assert cache.read("order", order_id, lambda: b"old") == b"old"
    telling = Telling(RecordingBus(), cache)
    assert telling.publish([event(order_id, 1)]) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"old"
    cache.deaf = False
    assert telling.publish([event(other, 1)]) == [True]
    assert cache.read("order", order_id, lambda: b"new") == b"new"
