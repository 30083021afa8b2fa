"""The worker of a service: relays its events, and fills gaps and retries parked events for its consumers."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from shared.bus.transport import event_bus
from shared.container.loops import Loop, finish
from shared.errors import MeridianError
from shared.outbox.addressing import stores_of
from shared.outbox.comparison import Comparison
from shared.outbox.relay import GuardedBus, Relay
from shared.outbox.replication import ReplicationLevel
from shared.outbox.source import Sources
from shared.postgres.replica_lag import keep_heartbeats
from shared.redis.cache_invalidation import CacheInvalidatingBus
from shared.registry import load
from shared.resources import Resources
from shared.runtime.binding import BoundOperation
from shared.runtime.receiver import inbox

if TYPE_CHECKING:
    from shared.outbox.firestore import FirestoreRelay

log = logging.getLogger(__name__)

FILL_EVERY_SECONDS: Final = 5.0

SESSIONS_OWNER: Final = "identity"
"""The service that ends sessions; beside its relay each region hears of those that end elsewhere."""


def work(service: str, resources: Resources, consumers: Sequence[BoundOperation], stop: threading.Event) -> None:
    """Run until `stop` is set. The service's outbox is in PostgreSQL or Firestore, or it has none: see the registry.

    A defect in the relay or in what runs beside it ends the whole worker, so that it is restarted. Raises RuntimeError
    for the latter.
    """
    own, others = resources.settings.cell, resources.settings.other_cells
    beside = [
        Loop(f"gap filler of {cell}", partial(fill, service, resources, concerned, stop, cell), stop)
        for cell in (own, *others)
        if (concerned := [bound for bound in consumers if cell in stores_of(bound.row, own, others)]) or cell == own
    ]
    if load().services[service].database and resources.settings.of_replica():
        beside.append(Loop("heartbeat", partial(keep_heartbeats, resources.database(service), stop), stop))
    if service == SESSIONS_OWNER:
        beside.append(Loop("revocations", partial(resources.revocations().run, stop), stop))
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
    own, others = resources.settings.cell, resources.settings.other_cells
    if load().services[service].outbox == "firestore":
        from shared.outbox.firestore import FirestoreRelay

        return FirestoreRelay(service, resources.firestore(), bus, resources.clock, own, others)
    invalidating = CacheInvalidatingBus(bus, resources.cache())
    return Relay(
        service,
        resources.database(service),
        invalidating,
        own=own,
        others=others,
        gate=resources.gate(service),
    )


def fill(
    service: str, resources: Resources, consumers: Sequence[BoundOperation], stop: threading.Event, cell: str
) -> None:
    """Maintain consumers of a service as far as they have events of a cell, every FILL_EVERY_SECONDS.

    Each cell is asked in a thread of its own, so that one that does not answer holds up no other.
    """
    sources = Sources(service, resources, cell)
    maintained = [_ConsumerMaintenance(bound, resources, sources, cell) for bound in consumers]
    while not stop.wait(FILL_EVERY_SECONDS):
        for maintenance in maintained:
            try:
                maintenance.run_once(stop)
            except MeridianError as error:
                log.warning("the missing events of %s have to wait: %s", service, error)
            except Exception:
                log.exception("the missing events of %s have to wait", service)


class _ConsumerMaintenance:
    """Maintains one consumer, as far as it has events of one cell."""

    def __init__(self, bound: BoundOperation, resources: Resources, sources: Sources, cell: str) -> None:
        own, others = resources.settings.cell, resources.settings.other_cells
        self._inbox = inbox(bound, resources.clock, own)
        self._sources = sources
        self._comparison = Comparison(bound.row, bound.database(), sources.list, resources.clock, own, cell)
        self._name = bound.row.name
        self._level = None
        if cell != own:
            self._level = ReplicationLevel(bound.row, bound.database(), self._comparison, resources.clock)
        # The streams of other cells are theirs to look after; what is read at home is, wherever its streams are of.
        several = len(stores_of(bound.row, own, others)) > 1
        self._source = None if cell == own else cell
        self._besides = others if several and cell == own else ()

    def run_once(self, stop: threading.Event) -> None:
        """Note missing events, and apply what is due until nothing is left."""
        self._comparison.follow()
        if self._level is not None:
            self._level.probe()
        while not stop.is_set() and (applied := self._inbox.fill_gaps(self._sources.read, self._source, self._besides)):
            log.info("%s has caught up by %d events", self._name, applied)
