"""The worker of a service: publishes its events, and fills the gaps of its consumers."""

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from shared.adapters.pubsub import PubSubBus
from shared.adapters.resources import Resources
from shared.contracts.events import StoredEvent
from shared.contracts.gen.events_pb2 import ReadRequest, ReadResponse
from shared.errors import MeridianError
from shared.outbox.inbox import Inbox
from shared.outbox.relay import Relay
from shared.registry import load
from shared.runtime.binding import Bound
from shared.runtime.event import inbox

if TYPE_CHECKING:
    from shared.outbox.firestore import FirestoreRelay

log = logging.getLogger(__name__)

FILL_EVERY_SECONDS: Final = 5.0


def work(service: str, resources: Resources, consumers: Sequence[Bound], stop: threading.Event) -> None:
    """Run until told to stop. The service's outbox is in PostgreSQL or in Firestore, as the registry says.

    A defect in the relay ends the whole worker, so that it is started again.
    """
    filler = threading.Thread(target=fill, args=(service, resources, consumers, stop), name="gap filler")
    filler.start()
    try:
        _relay(service, resources).run(stop)
    finally:
        stop.set()
        filler.join()


def _relay(service: str, resources: Resources) -> "Relay | FirestoreRelay":
    bus = PubSubBus(resources.settings)
    if load().services[service].outbox == "firestore":
        from shared.outbox.firestore import FirestoreRelay

        return FirestoreRelay(service, resources.firestore(), bus, resources.clock)
    return Relay(service, resources.database(service), bus, resources.clock)


def fill(service: str, resources: Resources, consumers: Sequence[Bound], stop: threading.Event) -> None:
    """Fill gaps of every consumer of a service, again and again."""
    inboxes: list[Inbox] = [inbox(bound, resources.clock) for bound in consumers]
    while not stop.wait(FILL_EVERY_SECONDS):
        for box in inboxes:
            try:
                filled = box.fill_gaps(lambda *gap: read_stream(service, resources, *gap))
            except MeridianError as error:
                log.warning("the gaps of %s wait: %s", service, error)
                continue
            except Exception:
                log.exception("the gaps of %s wait", service)
                continue
            if filled:
                log.info("filled gaps of %s with %d events", service, filled)


def read_stream(
    service: str, resources: Resources, event_type: str, stream: str, from_version: int
) -> list[StoredEvent]:
    """A stream's events from the service that owns it, by Events.Read. Raises Unavailable."""
    owner = load().owner_of(event_type)
    request = ReadRequest(stream=stream, from_version=from_version)
    response = resources.channel(owner, service).call("Events.Read", request, ReadResponse)
    return [msgspec.json.decode(event, type=StoredEvent) for event in response.events]
