"""Pub/Sub with Kafka semantics: the ordering key is the partition, the attributes are the headers.

Each row has a topic of its own for each of its sources, so that it is sent what it handles and nothing else.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.publisher.exceptions import PublishToPausedOrderingKeyException
from google.cloud.pubsub_v1.publisher.futures import Future
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

from shared.bus.topics import dead_letter_attributes, dead_topic, row_topic, topic_name
from shared.bus.transport import AddressedEvent
from shared.config import Settings
from shared.errors import Unavailable
from shared.registry import load

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT_SECONDS: Final = 10
"""How long one call to Pub/Sub may take; by default the client retries for ever, with ever more messages in memory."""

WITHIN_SECONDS: Final = 30
"""How long a batch may take, over all keys; events without an outcome by then count as unpublished."""

UNPUBLISHED: Final = (
    GoogleAPIError,
    GoogleAuthError,
    TimeoutError,
    PublishToPausedOrderingKeyException,
    RuntimeError,  # the client cancels batches behind a failed one of the same key with this
)


class PubSubBus:
    """Publishes events with their partition as ordering key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = PublisherClient(
            batch_settings=BatchSettings(max_messages=500, max_latency=0.002),
            # No client retries: with ordering keys they never end. The relay retries, within bounds.
            publisher_options=PublisherOptions(
                enable_message_ordering=True, retry=None, timeout=PUBLISH_TIMEOUT_SECONDS
            ),
        )

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """Publish to each addressee's topic. A failure leaves the rest of its partition unpublished, and is logged.

        An event with an unknown outcome counts as unpublished: it is sent again, to all its addressees, and they
        deduplicate by version.
        """
        outcomes = [True] * len(events)
        sent: list[tuple[int, str, str, Future]] = []
        unsendable: set[str] = set()
        for number, each in enumerate(events):
            event = each.event
            try:
                if event.stream in unsendable:
                    raise LookupError("what comes before it cannot be published")
                sent += [(number, *message) for message in self._send(each)]
            except (LookupError, ValueError) as error:  # a type unknown to this release, or far too large
                log.warning("%s version %d cannot be published: %r", event.stream, event.version, error)
                unsendable.add(event.stream)
                outcomes[number] = False
        paused: set[tuple[str, str]] = set()
        until = time.monotonic() + WITHIN_SECONDS
        for number, path, key, future in sent:
            try:
                future.result(timeout=max(0.0, until - time.monotonic()))
            except UNPUBLISHED as error:
                event = events[number].event
                log.warning("%s version %d was not published to %s: %r", event.stream, event.version, path, error)
                paused.add((path, key))
                outcomes[number] = False
        for path, key in paused:
            self._resume(path, key)
        return outcomes

    def _send(self, addressed: AddressedEvent) -> Iterator[tuple[str, str, Future]]:
        """Send an event to its addressees' topics; yields topic, ordering key and future of each."""
        event, topic = addressed.event, load().topic_of(addressed.event.type)
        key, body = str(event.partition()), event.body()
        for row in addressed.to:
            path = self._path(row_topic(topic, row))
            yield path, key, self._client.publish(path, body, ordering_key=key, **addressed.attributes(row))

    def _resume(self, path: str, key: str) -> None:
        try:
            self._client.resume_publish(path, key)
        except RuntimeError as error:
            log.info("ordering key %s was not paused, its publish only took too long: %s", key, error)

    def _path(self, topic: str) -> str:
        return f"projects/{self._settings.project}/topics/{topic_name(topic, self._settings.region)}"


class PubSubDeadTopics:
    """The dead-letter topics on Pub/Sub."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = PublisherClient(publisher_options=PublisherOptions(retry=None, timeout=PUBLISH_TIMEOUT_SECONDS))

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str], consumer: str, reason: str) -> None:
        """Store a message with its attributes, the consumer, and the reason. Raises Unavailable if that fails."""
        path = f"projects/{self._settings.project}/topics/{topic_name(dead_topic(topic), self._settings.region)}"
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
    client = SubscriberClient()
    for name in subscriptions:
        path = client.subscription_path(settings.project, name)
        try:
            client.seek(request={"subscription": path, "time": since}, timeout=WITHIN_SECONDS)
        except GoogleAPIError as error:
            raise Unavailable(f"The subscription {name} does not go back: {error}") from error
    return len(subscriptions)
