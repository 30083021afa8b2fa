"""The outbox of a service with its data in Firestore: a collection written in the commit of the state change.

A document's id is `<stream>@<version>`, so that create() fails for a version that is taken. The relay removes
`unsent_since` once it has published a document, which keeps the query for unsent ones small.
"""

import logging
import threading
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from google.api_core.exceptions import GoogleAPIError
from google.cloud.firestore import DELETE_FIELD, Client, FieldFilter, WriteBatch

from shared import ids
from shared.bus.transport import EventBus
from shared.clock import Clock
from shared.contracts.encode import to_json
from shared.contracts.events import StoredEvent
from shared.contracts.operations import EPOCH
from shared.decoding import ready
from shared.firestore.calls import call_options
from shared.outbox.addressing import HERE, LOOK_BACK, NOWHERE, addressed
from shared.outbox.log import Fact, StreamPage, StreamPart, StreamQuery
from shared.outbox.published import note_published, under_way
from shared.outbox.relay import BATCH
from shared.registry import load
from shared.telemetry.context import trace_context

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
COLLECTION: Final = "identity_events"


def append(client: Client, batch: WriteBatch, cell: str, now: datetime, stream: str, version: int, fact: Fact) -> None:
    """Add an event to a batch that also writes the state change; the batch fails if the version is taken."""
    event = StoredEvent(
        id=ids.new("evt", cell),
        type=fact.type,
        stream=stream,
        version=version,
        at=now,
        data=msgspec.json.decode(to_json(fact)),
        metadata={"request_id": trace_context().request_id, "traceparent": trace_context().traceparent},
    )
    document = client.collection(COLLECTION).document(f"{stream}@{version}")
    times = {"recorded_at": now, "unsent_since": now}
    batch.create(document, {"stream": stream, "version": version, "event": _text(event), **times})


def read_stream(client: Client, stream: str, from_version: int, most: int) -> list[StoredEvent]:
    """Events of a stream from a version on, oldest first."""
    keys = [client.collection(COLLECTION).document(f"{stream}@{from_version + n}") for n in range(most)]
    found = {snapshot.id: snapshot for snapshot in client.get_all(keys, **call_options()) if snapshot.exists}
    return [_event(found[key.id]) for key in keys if key.id in found]


def read_types(client: Client, stream: str, from_version: int, types: Collection[str], most: int) -> StreamPart:
    """Events of a stream from a version on, of some types or, if empty, all; oldest first, among at most so many."""
    found = read_stream(client, stream, from_version, most)
    through = found[-1].version if found else from_version - 1
    return StreamPart([event for event in found if not types or event.type in types], through)


def types_before(client: Client, events: Iterable[StoredEvent]) -> dict[str, list[str]]:
    """For each event, by its id, the types of up to LOOK_BACK events before it in its stream, the newest first."""
    wanted = {event.id: range(event.version - 1, max(0, event.version - 1 - LOOK_BACK), -1) for event in events}
    streams = {event.id: event.stream for event in events}
    names = {f"{streams[name]}@{version}" for name, versions in wanted.items() for version in versions}
    keys = [client.collection(COLLECTION).document(name) for name in names]
    found = {snapshot.id: _event(snapshot).type for snapshot in client.get_all(keys, **call_options())} if keys else {}
    return {name: [found[f"{streams[name]}@{version}"] for version in versions] for name, versions in wanted.items()}


def list_streams(client: Client, query: StreamQuery, now: datetime) -> StreamPage:
    """Streams with events beyond a position, as in shared.outbox.log; here positions are microseconds since the epoch.

    The last assigned position is the current time.
    """
    since = query.since or EPOCH
    start = max(EPOCH + timedelta(microseconds=query.after), since)
    newer = FieldFilter("recorded_at", ">" if start > since else ">=", start)
    documents = client.collection(COLLECTION).where(filter=newer).order_by("recorded_at").limit(BATCH + 1)
    if query.until is not None:
        documents = documents.where(
            filter=FieldFilter("recorded_at", "<=", EPOCH + timedelta(microseconds=query.until))
        )
    if query.before is not None:
        documents = documents.where(filter=FieldFilter("recorded_at", "<", query.before))
    found = list(documents.stream(**call_options()))
    shown = found[:BATCH]
    if len(found) > BATCH:  # never split the events of one microsecond
        shown = [each for each in shown if each.get("recorded_at") < found[-1].get("recorded_at")] or shown
    events = [event for event in map(_event, shown) if not query.types or event.type in query.types]
    known = {event.stream: (event.type, event.version) for event in sorted(events, key=lambda event: event.version)}
    more = len(found) > len(shown)
    position = _position(shown[-1].get("recorded_at")) if shown else query.after
    if not more and query.until is not None:
        position = max(position, query.until)
    return StreamPage([(stream, *each) for stream, each in known.items()], position, more, last=_position(now))


class FirestoreRelay:
    """Publishes the collection's events. It needs no leader: two at once publish twice, and inboxes deduplicate."""

    def __init__(
        self,
        service: str,
        client: Client,
        bus: EventBus,
        clock: Clock,
        own: str = HERE,
        others: Sequence[str] = NOWHERE,
    ) -> None:
        """
        own: the relay's cell. others: the deployment's other ones. Their relays publish too: who comes first, to the
            topics of its own cell.
        """
        self._service = service
        self._own = own
        self._others = others
        self._client = client
        self._bus = bus
        self._clock = clock
        self._held: set[str] = set()
        self._last: Any = None

    def run(self, stop: threading.Event) -> None:
        """Publish until `stop` is set."""
        log.info("relay %s leads", self._service)
        while not stop.is_set():
            try:
                more = self.drain()
            except GoogleAPIError as error:
                log.warning("relay %s pauses: %s", self._service, error)
                more = False
            if not more:
                stop.wait(POLL_SECONDS)

    def drain(self) -> bool:
        """Publish one batch, oldest first; returns whether there may be more right away.

        If some could not be published, the next batch starts after this one and skips their streams until every waiting
        event had its turn: however many events are stuck, they hold up no others.
        """
        oldest = FieldFilter("unsent_since", ">", EPOCH)
        documents = (
            self._client.collection(COLLECTION).where(filter=oldest).order_by("unsent_since").order_by("__name__")
        )
        if self._last is not None:
            documents = documents.start_after(self._last)
        snapshots = list(documents.limit(BATCH).stream(**call_options()))
        free = [snapshot for snapshot in snapshots if snapshot.get("stream") not in self._held]
        self._publish(sorted(free, key=lambda s: (s.get("unsent_since"), s.get("stream"), s.get("version"))))
        more = len(snapshots) == BATCH
        if not more:
            self._held.clear()
        self._last = snapshots[-1] if more and self._held else None
        return more

    def _publish(self, snapshots: list[Any]) -> None:
        """Publish these documents' events and mark the sent ones; the streams of the others are held back."""
        if not snapshots:
            return
        events = [under_way(_event(snapshot)) for snapshot in snapshots]
        before = types_before(self._client, [event for event in events if load().consumers_of(event.type)])
        sent = self._bus.publish(
            [addressed(event, before.get(event.id, ()), load(), self._own, self._others) for event in events]
        )
        batch = self._client.batch()
        for snapshot, done in zip(snapshots, sent, strict=True):
            if done:
                batch.update(snapshot.reference, {"unsent_since": DELETE_FIELD})
            else:
                self._held.add(snapshot.get("stream"))
        batch.commit(**call_options())
        note_published([event for event, done in zip(events, sent, strict=True) if done])
        if self._held:
            log.warning("relay %s: events of %d streams wait", self._service, len(self._held))


def _position(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _text(event: StoredEvent) -> str:
    return msgspec.json.encode(event).decode()


def _event(snapshot: Any) -> StoredEvent:
    return msgspec.json.decode(snapshot.get("event"), type=ready(StoredEvent))
