"""Two transports from publisher to consumer: Pub/Sub's pushes, and a Kafka consumer group.

A transport lives for a module, as a group needs seconds to form. Each test attaches its own consumer.
"""

import base64
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import ThreadingHTTPServer
from typing import Any, Protocol

import msgspec
from confluent_kafka import Producer
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions
from google.protobuf.duration_pb2 import Duration

from shared.bus.kafka import KafkaBus, headers
from shared.bus.kafka_group import Group
from shared.bus.pubsub import PubSubBus
from shared.bus.topics import dead_topic, group_name, row_topic, topic_name
from shared.bus.transport import EventBus
from shared.config import Settings
from shared.registry import load
from shared.runtime.consumer import Partitions, consume
from shared.runtime.event import DeliveredMessage, MessageReceiver, parse_push
from tests.kafka import Broker, Reader, headers_of
from tests.push_endpoint import push_handler

TOPIC = "claim-events"
ROW = load().rows["record_claim"]
LIVE = row_topic(TOPIC, ROW.name)
"""The row's topic on Pub/Sub."""

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class DeadLetter:
    """A message in a dead-letter topic."""

    attributes: Mapping[str, str]
    body: bytes


class ConsumerEnd:
    """The consumer's end of a transport: the reception of the running test, with faults in its acknowledgements."""

    def __init__(self) -> None:
        self.reception: MessageReceiver | None = None
        self.crashes = 0
        """How many more times the process dies between an effect and its acknowledgement."""
        self.together: list[int] = []
        """The size of each batch of messages."""
        self.came: list[tuple[str, str]] = []
        """Stream and version of all messages received."""

    def take(self, delivered: DeliveredMessage) -> str:
        assert self.reception is not None
        self._note(delivered)
        done = self.reception.take(delivered)
        if self.crashes:
            self.crashes -= 1
            raise ConnectionError("the process died before it could say so")
        return done

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> bool:
        assert self.reception is not None
        if self.crashes:
            return False
        self.together.append(len(delivered))
        if not self.reception.receive_batch(delivered):
            return False
        for each in delivered:
            self._note(each)
        return True

    def _note(self, delivered: DeliveredMessage) -> None:
        self.came.append((delivered.attributes.get("ce-subject", ""), delivered.attributes.get("ce-streamversion", "")))


class Transport(Protocol):
    """A transport with a consumer."""

    settings: Settings
    bus: EventBus
    end: ConsumerEnd

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        """Publish a raw message, in the partition that its attributes name."""

    def dead(self, count: int) -> list[DeadLetter]:
        """The next messages of the dead-letter topic."""

    def close(self) -> None:
        """Close it."""


class PushTransport:
    """Pub/Sub's emulator in a project of its own, which pushes to a server here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, project=f"test-{secrets.token_hex(6)}")
        self.end = ConsumerEnd()
        self._publisher = PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
        self._subscriber = SubscriberClient()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), push_handler(lambda body: self.end.take(parse_push(body))))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        for topic in (LIVE, dead_topic(TOPIC)):
            self._publisher.create_topic(name=self._topic(topic), timeout=10)
        backoff = {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)}
        request: dict[str, Any] = {"name": self._subscription("live"), "topic": self._topic(LIVE)}
        endpoint = f"http://127.0.0.1:{self._server.server_port}/"
        request |= {
            "enable_message_ordering": True,
            "retry_policy": backoff,
            "push_config": {"push_endpoint": endpoint},
        }
        self._subscriber.create_subscription(request=request, timeout=10)
        request = {"name": self._subscription("dead"), "topic": self._topic(dead_topic(TOPIC))}
        self._subscriber.create_subscription(request=request, timeout=10)
        self.bus: EventBus = PubSubBus(self.settings)

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        key = attributes["partition"]
        self._publisher.publish(self._topic(LIVE), body, ordering_key=key, **attributes).result(timeout=10)

    def dead(self, count: int) -> list[DeadLetter]:
        def pull() -> list[DeadLetter]:
            try:
                pulled = self._subscriber.pull(subscription=self._subscription("dead"), max_messages=count, timeout=1)
            except DeadlineExceeded:
                return []
            ids = [each.ack_id for each in pulled.received_messages]
            if ids:
                self._subscriber.acknowledge(subscription=self._subscription("dead"), ack_ids=ids, timeout=5)
            return [DeadLetter(dict(m.message.attributes), m.message.data) for m in pulled.received_messages]

        return _collected(pull, count)

    def close(self) -> None:
        self._subscriber.delete_subscription(subscription=self._subscription("live"), timeout=10)
        self._server.shutdown()

    def _topic(self, topic: str) -> str:
        return str(self._publisher.topic_path(self.settings.project, topic_name(topic, self.settings.region)))

    def _subscription(self, name: str) -> str:
        return str(self._subscriber.subscription_path(self.settings.project, name))


class KafkaTransport:
    """A broker with a member of a consumer group, in a region of its own."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        region = f"wire-{secrets.token_hex(6)}"
        self.settings = replace(settings, region=region, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
        self.end = ConsumerEnd()
        self.topics = [topic_name(TOPIC, region)]
        broker.create_topics(*self.topics)
        broker.create_topics(topic_name(dead_topic(TOPIC), region), partitions=1)
        self.bus: EventBus = KafkaBus(self.settings)
        self._raw = Producer({"bootstrap.servers": broker.bootstrap})
        self._dead = Reader(broker, topic_name(dead_topic(TOPIC), region), partitions=1)
        self._group = group_name(ROW.name, region)
        self._member = Member(self, self.end, self._group)

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        key, partition = attributes["key"], int(attributes["partition"])
        self._raw.produce(self.topics[0], body, key, partition, headers=headers(attributes))
        assert self._raw.flush(10) == 0

    def dead(self, count: int) -> list[DeadLetter]:
        return _collected(lambda: [DeadLetter(headers_of(each), each.value()) for each in self._dead.read(1.0)], count)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """A block during which no member consumes."""
        self._member.leave()
        yield
        self._member = Member(self, self.end, self._group)

    def close(self) -> None:
        self._member.leave()
        self._dead.close()


class Member:
    """A member of a consumer group, at work in a thread."""

    def __init__(self, wire: KafkaTransport, end: ConsumerEnd, group: str) -> None:
        self.partitions = Partitions(group, end)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(wire, group), daemon=True)
        self._thread.start()

    def _run(self, wire: KafkaTransport, group: str) -> None:
        member = Group(wire.settings, group, wire.topics, self.partitions)
        try:
            consume(member, self.partitions, self._stop)
        finally:
            member.close()

    def leave(self) -> None:
        """Stop it in order."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


def _collected(look: Callable[[], list[DeadLetter]], count: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} messages"
        found += look()
    return found


def as_push(attributes: Mapping[str, Any], data: bytes) -> bytes:
    """The body of a push."""
    return msgspec.json.encode({"message": {"attributes": attributes, "data": base64.b64encode(data).decode()}})
