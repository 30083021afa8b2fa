"""Implementations of the relay's bus for one suite: an in-memory recorder, Pub/Sub's emulator and Kafka."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Protocol
from unittest.mock import patch

from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from msgspec.structs import replace

from shared.bus.batches import unpack
from shared.bus.kafka import KafkaBus
from shared.bus.kafka import attributes as attributes_of
from shared.bus.pubsub import PubSubBus
from shared.bus.topics import row_topic, topic_name
from shared.bus.transport import AddressedEvent
from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.registry import load
from tests.kafka import Broker, Reader
from tests.shared.outbox.sample_events import ROW

PATIENCE_SECONDS = 20.0
TOPICS = {"claim-events": ROW, "order-events": "capture_hold"}
"""The topics of the sample events, each with a row that handles them."""


class Bus(Protocol):
    """A transport that a test can inspect and break."""

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """As the relay's port has it."""

    def delivered(self, streams: Collection[str], count: int) -> list[StoredEvent]:
        """At least `count` events of these streams, in order of delivery."""

    def break_topic(self, topic: str) -> None:
        """Make every publish to a topic fail."""

    def mend_topic(self, topic: str) -> None:
        """Let publishes to a topic succeed again."""


class RecordingBus:
    """Records what is published, and fails where a test sets it to."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.batches: list[list[AddressedEvent]] = []
        self.refused: set[tuple[str, int]] = set()
        """(stream, version) of events whose publish fails, and with it the rest of their partition in that batch."""
        self.crash = False
        """Whether the process dies after a publish, before it can record that."""
        self.before_return: Callable[[], None] = lambda: None
        """What happens between a publish and its result."""
        self._broken: set[str] = set()
        self._lock = threading.Lock()

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        with self._lock:
            self.batches.append(list(events))
            held: set[tuple[str, int]] = set()
            outcomes = []
            for each in events:
                event = each.event
                topic = load().topic_of(event.type)
                partition = (topic, event.partition())
                if topic in self._broken or (event.stream, event.version) in self.refused:
                    held.add(partition)
                outcomes.append(partition not in held)
                if outcomes[-1] and each.to:
                    self.events.append(event)
        if self.crash:
            raise ConnectionError("the process died")
        self.before_return()
        return outcomes

    def delivered(self, streams: Collection[str], count: int) -> list[StoredEvent]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self._lock:
                found = [event for event in self.events if event.stream in streams]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} of {count} events after {PATIENCE_SECONDS} s"
            time.sleep(0.02)

    def break_topic(self, topic: str) -> None:
        self._broken.add(topic)

    def mend_topic(self, topic: str) -> None:
        self._broken.discard(topic)


def _collected(
    taken: list[StoredEvent], fetch: Callable[[], None], streams: Collection[str], count: int
) -> list[StoredEvent]:
    """So many events of these streams among what was taken, which grows as more is fetched."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = [event for event in taken if event.stream in streams]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} events after {PATIENCE_SECONDS} s"
        fetch()


class EmulatorBus:
    """Google's Pub/Sub emulator, in a project without consumers of the stack."""

    def __init__(self, settings: Settings, published_at: str = "") -> None:
        """published_at: the emulator's address for the bus under test, if another than the stack's."""
        self._settings = replace(settings, project=f"test-{secrets.token_hex(6)}")
        with patch.dict(os.environ, {"PUBSUB_EMULATOR_HOST": published_at} if published_at else {}):
            self._bus = PubSubBus(self._settings)
        self._publisher = PublisherClient()
        self._subscriber = SubscriberClient()
        self._taken: list[StoredEvent] = []
        self._broken = set(TOPICS)
        for topic in TOPICS:
            self.mend_topic(topic)
        # The sample events of orders have a second addressee, to whom nobody listens here.
        self._publisher.create_topic(name=self._path(row_topic("order-events", "notify_users")), timeout=5)

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        return self._bus.publish(events)

    def delivered(self, streams: Collection[str], count: int) -> list[StoredEvent]:
        return _collected(self._taken, self._fetch, streams, count)

    def _fetch(self) -> None:
        for topic in set(TOPICS) - self._broken:
            self._pull(self._subscription(topic))

    def break_topic(self, topic: str) -> None:
        self._broken.add(topic)
        self._publisher.delete_topic(topic=self._topic(topic), timeout=5)
        self._subscriber.delete_subscription(subscription=self._subscription(topic), timeout=5)

    def mend_topic(self, topic: str) -> None:
        self._publisher.create_topic(name=self._topic(topic), timeout=5)
        request = {
            "name": self._subscription(topic),
            "topic": self._topic(topic),
            "enable_message_ordering": True,
        }
        self._subscriber.create_subscription(request=request, timeout=5)
        self._broken.discard(topic)

    def _pull(self, subscription: str) -> None:
        try:
            pulled = self._subscriber.pull(subscription=subscription, max_messages=500, timeout=0.3, retry=None)
        except DeadlineExceeded:
            return
        if not pulled.received_messages:
            return
        for each in pulled.received_messages:
            for attributes, body, _ in unpack(dict(each.message.attributes), each.message.data):
                assert each.message.ordering_key
                self._taken.append(StoredEvent.received(attributes, body))
        ids = [each.ack_id for each in pulled.received_messages]
        self._subscriber.acknowledge(subscription=subscription, ack_ids=ids, timeout=5)

    def _topic(self, topic: str) -> str:
        return self._path(row_topic(topic, TOPICS[topic]))

    def _path(self, topic: str) -> str:
        name = topic_name(topic, self._settings.cell)
        return str(self._publisher.topic_path(self._settings.project, name))

    def _subscription(self, topic: str) -> str:
        return str(self._subscriber.subscription_path(self._settings.project, f"test-{topic}"))


class BrokerBus:
    """A Kafka broker, in a cell of its own."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        cell = f"test-{secrets.token_hex(6)}"
        self._settings = replace(settings, cell=cell, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
        self._broker = broker
        self._bus = KafkaBus(self._settings, message_seconds=1)
        self._readers: dict[str, Reader] = {}
        self._taken: list[StoredEvent] = []
        for topic in TOPICS:
            self.mend_topic(topic)

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        return self._bus.publish(events)

    def delivered(self, streams: Collection[str], count: int) -> list[StoredEvent]:
        return _collected(self._taken, self._fetch, streams, count)

    def _fetch(self) -> None:
        for reader in self._readers.values():
            self._take(reader)

    def break_topic(self, topic: str) -> None:
        self._readers.pop(topic).close()
        self._broker.remove(self._name(topic))

    def mend_topic(self, topic: str) -> None:
        self._broker.create_topics(self._name(topic))
        self._readers[topic] = Reader(self._broker, self._name(topic))

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()

    def _take(self, reader: Reader) -> None:
        for message in reader.read():
            event = StoredEvent.received(attributes_of(message.headers(), message.key())[0], message.value())
            assert (message.partition(), message.key()) == (event.partition(), event.stream.encode())
            self._taken.append(event)

    def _name(self, topic: str) -> str:
        return topic_name(topic, self._settings.cell)
