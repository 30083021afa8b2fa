"""Pub/Sub with Kafka semantics: the ordering key is the partition, the attributes are the headers."""

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.publisher.exceptions import PublishToPausedOrderingKeyException
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

from shared.bus.topics import dead_letter_attributes, dead_topic, topic_name
from shared.config import Settings
from shared.contracts.events import StoredEvent
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

    def publish(self, events: Sequence[StoredEvent]) -> list[bool]:
        """Publish in this order per partition. A failure leaves the rest of its partition unpublished, and is logged.

        An event with an unknown outcome counts as unpublished: it is sent again, and consumers deduplicate by
        version.
        """
        sent = []
        unsendable: set[str] = set()
        for event in events:
            try:
                if event.stream in unsendable:
                    raise LookupError("what comes before it cannot be published")
                path, key = self._path(event), str(event.partition())
                future = self._client.publish(path, event.body(), ordering_key=key, **event.attributes())
                sent.append((event, path, future))
            except (LookupError, ValueError) as error:  # a type unknown to this release, or far too large
                log.warning("%s version %d cannot be published: %r", event.stream, event.version, error)
                unsendable.add(event.stream)
                sent.append((event, "", None))
        outcomes = []
        paused: set[tuple[str, str]] = set()
        until = time.monotonic() + WITHIN_SECONDS
        for event, path, future in sent:
            if future is None:
                outcomes.append(False)
                continue
            try:
                future.result(timeout=max(0.0, until - time.monotonic()))
                outcomes.append(True)
            except UNPUBLISHED as error:
                log.warning("%s version %d was not published: %r", event.stream, event.version, error)
                paused.add((path, str(event.partition())))
                outcomes.append(False)
        for path, key in paused:
            self._resume(path, key)
        return outcomes

    def _resume(self, path: str, key: str) -> None:
        try:
            self._client.resume_publish(path, key)
        except RuntimeError as error:
            log.info("ordering key %s was not paused, its publish only took too long: %s", key, error)

    def _path(self, event: StoredEvent) -> str:
        topic = topic_name(load().topic_of(event.type), self._settings.region)
        return f"projects/{self._settings.project}/topics/{topic}"


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
