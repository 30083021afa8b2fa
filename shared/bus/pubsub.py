"""Pub/Sub with Kafka semantics: ordering keys are partitions, or several in one, and attributes are the headers.

Each row has a topic of its own for each of its sources and each cell that receives it, so that it is sent what it
handles there and nothing else.
"""

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import grpc
from google.api_core import gapic_v1
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions, PublishRequest, PublishResponse, PubsubMessage

from shared.bus import batches
from shared.bus.pubsub_client import regional
from shared.bus.topics import dead_letter_attributes, dead_topic, row_topic, topic_name
from shared.bus.transport import AddressedEvent
from shared.config import Settings
from shared.errors import Unavailable
from shared.registry import load

log = logging.getLogger(__name__)

T = TypeVar("T")

PUBLISH_TIMEOUT_SECONDS: Final = 10
"""How long one call to Pub/Sub may take; by default the client retries for ever, with ever more messages in memory."""

WITHIN_SECONDS: Final = 30
"""How long a batch may take, over all keys; events without an outcome by then count as unpublished."""

REQUEST_MESSAGES: Final = 1000
REQUEST_BYTES: Final = 4_000_000
"""The most that is sent in one request; Pub/Sub takes 1,000 messages and 10 MB."""

MESSAGE_BYTES: Final = 9_000_000
"""The largest event that is sent; Pub/Sub refuses a request of more than 10 MB."""

SHARED_EVENTS: Final = 16
"""How many events a message has on average before a topic is sent more than one at a time."""

MESSAGE_EVENTS: Final = 50
"""The most events in one message: as many as share a transaction where they are received (outbox/batch.py)."""

BATCH_BYTES: Final = 1_000_000
"""The most that several events share a message with: what one of them has redelivered is delivered again as a whole."""

Request: Final = PublishRequest.pb()
Message: Final = PubsubMessage.pb()

Topic = tuple[str, str]
"""A topic's path, and the row that it is of."""

Lane = tuple[str, str, str]
"""The same, and an ordering key."""

Found = tuple[int, AddressedEvent]
"""An event, and its number among those that are published at once."""


class Packed(NamedTuple):
    """A message, and the numbers of its events."""

    numbers: Sequence[int]
    message: Any


class PubSubBus:
    """Publishes events with ordering keys.

    What is published together for one row goes in one message (batches.py), or in as many as its number and sizes
    demand. So a stream may change its key. Usually what it had under the old one has long been handled; where it has
    not, the inbox waits for it.

    It makes its requests itself, each of one topic and key: all keys at once, a key's requests one after the other. The
    client library's own publisher is for messages that arrive one by one: it spends a thread on each request, and a
    future on each message. Its channel and its messages are used, the latter without their wrappers (proto-plus), which
    cost seven times as much as they.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        client = PublisherClient(client_options=regional(settings.region))
        self._publish = client.transport.grpc_channel.unary_unary(
            "/google.pubsub.v1.Publisher/Publish",
            request_serializer=Request.SerializeToString,
            response_deserializer=PublishResponse.pb().FromString,
        )

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """Publish to each addressee's topic. A failure leaves the rest of its key unpublished, and is logged.

        An event with an unknown outcome counts as unpublished: it is sent again, to all its addressees, and they
        deduplicate by version.
        """
        outcomes = [True] * len(events)
        unsendable: set[str] = set()
        topics: defaultdict[Topic, list[Found]] = defaultdict(list)
        for number, each in enumerate(events):
            event = each.event
            try:
                if event.stream in unsendable:
                    raise LookupError("what comes before it cannot be published")
                for topic in self._topics(each):
                    topics[topic].append((number, each))
            except (LookupError, ValueError) as error:  # a type unknown to this release, or far too large
                log.warning("%s version %d cannot be published: %r", event.stream, event.version, error)
                unsendable.add(event.stream)
                outcomes[number] = False
        lanes = {lane: of for topic, found in topics.items() for lane, of in _lanes(topic, found).items()}
        for number in self._send({lane: deque(_requests(_pack(lane, of))) for lane, of in lanes.items()}):
            outcomes[number] = False
        return outcomes

    def _topics(self, addressed: AddressedEvent) -> list[Topic]:
        """The topics that an event goes to. Raises LookupError, ValueError."""
        topic, size = load().topic_of(addressed.event.type), len(addressed.event.body())
        if size > MESSAGE_BYTES:
            raise ValueError(f"{size} bytes")
        own = [self._settings.cell]
        return [
            (self._path(row_topic(topic, row), cell), row)
            for row in addressed.to
            for cell in addressed.cells.get(row, own)
        ]

    def _send(self, lanes: dict[Lane, deque[list[Packed]]]) -> Iterator[int]:
        """Send the requests of all topics and keys; yields the numbers of events that were not published.

        A key's next request follows the last one's success.
        """
        until = time.monotonic() + WITHIN_SECONDS
        while lanes:
            calls = [(lane, self._call(lane[0], requests[0], until)) for lane, requests in lanes.items()]
            for lane, call in calls:
                try:
                    call.result()
                    lanes[lane].popleft()
                    if lanes[lane]:
                        continue
                except grpc.RpcError as error:
                    path, _, key = lane
                    lost = {number for request in lanes[lane] for packed in request for number in packed.numbers}
                    log.warning("%d events were not published to %s, key %s: %r", len(lost), path, key, error)
                    yield from lost
                del lanes[lane]

    def _call(self, path: str, request: Sequence[Packed], until: float) -> grpc.Future:
        seconds = min(PUBLISH_TIMEOUT_SECONDS, max(0.0, until - time.monotonic()))
        routing = gapic_v1.routing_header.to_grpc_metadata([("topic", path)])
        messages = [each.message for each in request]
        return self._publish.future(Request(topic=path, messages=messages), timeout=seconds, metadata=[routing])

    def _path(self, topic: str, receiver: str) -> str:
        return f"projects/{self._settings.project}/topics/{topic_name(topic, self._settings.cell, receiver)}"


def _lanes(topic: Topic, found: Sequence[Found]) -> dict[Lane, list[Found]]:
    """What goes to a topic, by ordering key: an event alone by its partition, several by as few keys as they fill.

    A message costs its receiver as much with one event as with many, and a key's messages are handled one at a time:
    so there are more keys only as there is more to do.
    """
    keys = len(found) // SHARED_EVENTS + 1
    lanes: defaultdict[Lane, list[Found]] = defaultdict(list)
    for number, each in found:
        partition = each.event.partition()
        lanes[(*topic, str(partition if len(found) == 1 else partition % keys))].append((number, each))
    return lanes


def _pack(lane: Lane, found: Iterable[Found]) -> Iterator[Packed]:
    """The messages of some events for a row, in their order: one that goes alone in a message of its own."""
    _, row, key = lane
    for some in _split(found, lambda each: len(each[1].event.body()), MESSAGE_EVENTS, BATCH_BYTES):
        events = [each for _, each in some]
        if len(events) == 1:
            body, attributes = events[0].event.body(), events[0].attributes(row)
        else:
            body, attributes = batches.pack(events, row), {"content-type": batches.CONTENT_TYPE, "partition": key}
        yield Packed([number for number, _ in some], Message(data=body, attributes=attributes, ordering_key=key))


def _requests(messages: Iterable[Packed]) -> Iterator[list[Packed]]:
    """Messages of one key, split where a request becomes too large."""
    return _split(messages, lambda each: len(each.message.data), REQUEST_MESSAGES, REQUEST_BYTES)


def _split(items: Iterable[T], size_of: Callable[[T], int], most: int, most_bytes: int) -> Iterator[list[T]]:
    """Items in their order, in parts of so many and so large; one that is larger is a part of its own."""
    part: list[T] = []
    size = 0
    for item in items:
        if part and (len(part) == most or size + size_of(item) > most_bytes):
            yield part
            part, size = [], 0
        part.append(item)
        size += size_of(item)
    if part:
        yield part


class PubSubDeadTopics:
    """The dead-letter topics on Pub/Sub."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        options = PublisherOptions(retry=None, timeout=PUBLISH_TIMEOUT_SECONDS)
        self._client = PublisherClient(publisher_options=options, client_options=regional(settings.region))

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str], consumer: str, reason: str) -> None:
        """Store a message with its attributes, the consumer, and the reason. Raises Unavailable if that fails."""
        path = f"projects/{self._settings.project}/topics/{topic_name(dead_topic(topic), self._settings.cell)}"
        try:
            described = dead_letter_attributes(attributes, consumer, reason)
            self._client.publish(path, body, **described).result(timeout=WITHIN_SECONDS)
        except (GoogleAPIError, GoogleAuthError, TimeoutError, ValueError) as error:
            log.warning("a message that %s cannot decode was not stored: %r", consumer, error)
            raise Unavailable("The dead-letter topic is not available.") from error


def rewind(settings: Settings, subscriptions: Sequence[str], since: datetime) -> int:
    """Seek subscriptions to a time, so that they redeliver what their topics retain. Raises Unavailable.

    Google's emulator supports this only for unordered subscriptions, unlike ours.
    """
    client = SubscriberClient(client_options=regional(settings.region))
    for name in subscriptions:
        path = client.subscription_path(settings.project, name)
        try:
            client.seek(request={"subscription": path, "time": since}, timeout=WITHIN_SECONDS)
        except GoogleAPIError as error:
            raise Unavailable(f"The subscription {name} does not go back: {error}") from error
    return len(subscriptions)
