"""The worker of a service: relays its events, and fills gaps and retries parked events for its consumers."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from shared.bus.transport import event_bus
from shared.container.loops import Loop, finish
from shared.errors import MeridianError
from shared.outbox.comparison import Comparison
from shared.outbox.relay import GuardedBus, Relay
from shared.outbox.source import Sources
from shared.postgres.replica_lag import keep_heartbeats
from shared.redis.cache_invalidation import CacheInvalidatingBus
from shared.registry import load
from shared.resources import Resources
from shared.runtime.binding import BoundOperation
from shared.runtime.event import inbox

if TYPE_CHECKING:
    from shared.outbox.firestore import FirestoreRelay

log = logging.getLogger(__name__)

FILL_EVERY_SECONDS: Final = 5.0


def work(service: str, resources: Resources, consumers: Sequence[BoundOperation], stop: threading.Event) -> None:
    """Run until `stop` is set. The service's outbox is in PostgreSQL or Firestore, or it has none: see the registry.

    A defect in the relay or in what runs beside it ends the whole worker, so that it is restarted. Raises RuntimeError
    for the latter.
    """
    beside = [Loop("gap filler", partial(fill, service, resources, consumers, stop), stop)]
    if load().services[service].database and resources.settings.of_replica():
        beside.append(Loop("heartbeat", partial(keep_heartbeats, resources.database(service), stop), stop))
    for loop in beside:
        loop.start()
    try:
        if load().services[service].outbox:
            _relay(service, resources).run(stop)
        else:
            log.info("worker %s has nothing to publish", service)
            stop.wait()
    finally:
        stop.set()
        finish(beside)


def _relay(service: str, resources: Resources) -> "Relay | FirestoreRelay":
    bus = GuardedBus(event_bus(resources.settings), resources.breaker("bus"))
    if load().services[service].outbox == "firestore":
        from shared.outbox.firestore import FirestoreRelay

        return FirestoreRelay(service, resources.firestore(), bus, resources.clock)
    invalidating = CacheInvalidatingBus(bus, resources.cache())
    return Relay(service, resources.database(service), invalidating)


def fill(service: str, resources: Resources, consumers: Sequence[BoundOperation], stop: threading.Event) -> None:
    """Maintain every consumer of a service, every FILL_EVERY_SECONDS."""
    sources = Sources(service, resources)
    maintained = [_ConsumerMaintenance(bound, resources, sources) for bound in consumers]
    while not stop.wait(FILL_EVERY_SECONDS):
        for maintenance in maintained:
            try:
                maintenance.run_once(stop)
            except MeridianError as error:
                log.warning("the missing events of %s have to wait: %s", service, error)
            except Exception:
                log.exception("the missing events of %s have to wait", service)


class _ConsumerMaintenance:
    """Maintains one consumer."""

    def __init__(self, bound: BoundOperation, resources: Resources, sources: Sources) -> None:
        self._inbox = inbox(bound, resources.clock)
        self._sources = sources
        self._comparison = Comparison(bound.row, bound.database(), sources.list, resources.clock)
        self._name = bound.row.name

    def run_once(self, stop: threading.Event) -> None:
        """Note missing events, and apply what is due until nothing is left."""
        self._comparison.follow()
        while not stop.is_set() and (applied := self._inbox.fill_gaps(self._sources.read)):
            log.info("%s has caught up by %d events", self._name, applied)
