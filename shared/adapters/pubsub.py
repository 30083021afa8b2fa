"""Pub/Sub with Kafka semantics: the ordering key is the partition, the attributes are the headers."""

import logging
from collections.abc import Sequence
from typing import Final

from google.api_core.exceptions import GoogleAPIError
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.pubsub_v1.publisher.exceptions import PublishToPausedOrderingKeyException
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions

from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.registry import load

log = logging.getLogger(__name__)

PUBLISH_TIMEOUT_SECONDS: Final = 30


def topic_name(topic: str, region: str) -> str:
    """The name of a topic in a region: order is kept only among publishes in one region."""
    return f"{topic}-{region}"


class PubSubBus:
    """Publishes events with their partition as ordering key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = PublisherClient(
            batch_settings=BatchSettings(max_messages=500, max_latency=0.002),
            publisher_options=PublisherOptions(enable_message_ordering=True),
        )

    def publish(self, events: Sequence[StoredEvent]) -> list[bool]:
        """Publish in this order per partition. A failure leaves the rest of its partition unpublished, and is logged.

        An event whose fate is unknown counts as unpublished: it goes out again, and consumers know it by its version.
        """
        sent = []
        for event in events:
            path = self._path(event)
            future = self._client.publish(path, event.body(), ordering_key=str(event.partition()), **event.attributes())
            sent.append((event, path, future))
        outcomes = []
        paused: set[tuple[str, str]] = set()
        for event, path, future in sent:
            try:
                future.result(timeout=PUBLISH_TIMEOUT_SECONDS)
                outcomes.append(True)
            except (GoogleAPIError, TimeoutError, PublishToPausedOrderingKeyException) as error:
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
