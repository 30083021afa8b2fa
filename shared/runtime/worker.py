"""The worker of a service: publishes its events, and looks after what its consumers lack or could not apply."""

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shared.adapters.resources import Resources
from shared.adapters.transport import event_bus
from shared.errors import MeridianError
from shared.outbox.comparison import Comparison
from shared.outbox.lag import keep_beating
from shared.outbox.relay import GuardedBus, Relay
from shared.outbox.source import Sources
from shared.outbox.telling import Telling
from shared.registry import load
from shared.runtime.binding import Bound
from shared.runtime.event import inbox

if TYPE_CHECKING:
    from shared.outbox.firestore import FirestoreRelay

log = logging.getLogger(__name__)

FILL_EVERY_SECONDS: Final = 5.0


def work(service: str, resources: Resources, consumers: Sequence[Bound], stop: threading.Event) -> None:
    """Run until told to stop. The service's outbox is in PostgreSQL or in Firestore, or it has none: see the registry.

    A defect in the relay ends the whole worker, so that it is started again.
    """
    filler = threading.Thread(target=fill, args=(service, resources, consumers, stop), name="gap filler")
    filler.start()
    if load().services[service].database and resources.settings.of_replica():
        beating = (resources.database(service), stop)
        threading.Thread(target=keep_beating, args=beating, name="heart", daemon=True).start()
    try:
        if load().services[service].outbox:
            _relay(service, resources).run(stop)
        else:
            log.info("worker %s has nothing to publish", service)
            stop.wait()
    finally:
        stop.set()
        filler.join()


def _relay(service: str, resources: Resources) -> "Relay | FirestoreRelay":
    bus = GuardedBus(event_bus(resources.settings), resources.breaker("bus"))
    if load().services[service].outbox == "firestore":
        from shared.outbox.firestore import FirestoreRelay

        return FirestoreRelay(service, resources.firestore(), bus, resources.clock)
    telling = Telling(bus, resources.cache())
    return Relay(service, resources.database(service), telling, resources.clock)


def fill(service: str, resources: Resources, consumers: Sequence[Bound], stop: threading.Event) -> None:
    """Look after every consumer of a service, again and again."""
    sources = Sources(service, resources)
    carers = [_Carer(bound, resources, sources) for bound in consumers]
    while not stop.wait(FILL_EVERY_SECONDS):
        for carer in carers:
            try:
                carer.care(stop)
            except MeridianError as error:
                log.warning("what %s lacks has to wait: %s", service, error)
            except Exception:
                log.exception("what %s lacks has to wait", service)


class _Carer:
    """Looks after one consumer."""

    def __init__(self, bound: Bound, resources: Resources, sources: Sources) -> None:
        self._inbox = inbox(bound, resources.clock)
        self._sources = sources
        self._comparison = Comparison(bound.row, bound.database(), sources.list, resources.clock)
        self._name = bound.row.name

    def care(self, stop: threading.Event) -> None:
        """Note what is missing, and apply what is due, as long as there is more."""
        self._comparison.follow()
        while not stop.is_set() and (applied := self._inbox.fill_gaps(self._sources.read)):
            log.info("%s has caught up by %d events", self._name, applied)
