"""Three transports from publisher to consumer: Pub/Sub's pushes, pulls from it, and a Kafka consumer group.

A transport lives for a module, as a group needs seconds to form. Each test attaches its own consumer.
"""

import base64
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any, Protocol

import msgspec
from confluent_kafka import Producer
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.types import PublisherOptions
from google.protobuf.duration_pb2 import Duration
from msgspec.structs import replace

from shared.bus.kafka import KafkaBus, headers
from shared.bus.pubsub import PubSubBus
from shared.bus.records import RebalanceListener, RecordSource
from shared.bus.topics import dead_topic, row_topic, subscription_name, topic_name
from shared.bus.transport import EventBus, record_sources
from shared.config import Settings
from shared.registry import load
from shared.runtime.consumer import Partitions, consume
from shared.runtime.event import parse_push
from shared.runtime.receiver import DeliveredMessage, MessageReceiver
from tests.kafka import Broker, Reader, headers_of
from tests.push_endpoint import push_handler
from tests.serving import serve

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

    def receive(self, delivered: Sequence[DeliveredMessage]) -> Sequence[str]:
        """Receive a push."""
        assert self.reception is not None
        for each in delivered:
            self._note(each)
        self.together.append(len(delivered))
        outcomes = self.reception.receive(delivered)
        self._crash()
        return outcomes

    def receive_each(
        self, delivered: Sequence[DeliveredMessage], go_on: Callable[[], bool]
    ) -> Sequence[str | Exception]:
        assert self.reception is not None
        for each in delivered:
            self._note(each)
        outcomes = self.reception.receive_each(delivered, go_on)
        try:
            self._crash()
        except ConnectionError as error:
            return [error] * len(outcomes)
        return outcomes

    def _crash(self) -> None:
        if self.crashes:
            self.crashes -= 1
            raise ConnectionError("the process died before it could say so")

    def receive_batch(self, delivered: Sequence[DeliveredMessage]) -> Sequence[str] | None:
        assert self.reception is not None
        if self.crashes:
            return None
        self.together.append(len(delivered))
        outcomes = self.reception.receive_batch(delivered)
        if outcomes is not None:
            for each in delivered:
                self._note(each)
        return outcomes

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


class PubSubTransport:
    """Pub/Sub's emulator in a project of its own; how its messages get from there is for subclasses."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, project=f"test-{secrets.token_hex(6)}")
        self.end = ConsumerEnd()
        self._live = subscription_name(ROW.name, TOPIC, settings.cell)
        self._publisher = PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
        self._subscriber = SubscriberClient()
        for topic in (LIVE, dead_topic(TOPIC)):
            self._publisher.create_topic(name=self._topic(topic), timeout=10)
        self._subscribe(self._live, LIVE, self._delivery())
        self._subscribe("dead", dead_topic(TOPIC), {})
        self.bus: EventBus = PubSubBus(self.settings)

    def _delivery(self) -> dict[str, Any]:
        """What is particular about the subscription."""
        raise NotImplementedError

    def _subscribe(self, name: str, topic: str, particular: Mapping[str, Any]) -> None:
        request = {"name": self._subscription(name), "topic": self._topic(topic), **particular}
        self._subscriber.create_subscription(request=request, timeout=10)

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
        self._subscriber.delete_subscription(subscription=self._subscription(self._live), timeout=10)

    def _topic(self, topic: str) -> str:
        return str(self._publisher.topic_path(self.settings.project, topic_name(topic, self.settings.cell)))

    def _subscription(self, name: str) -> str:
        return str(self._subscriber.subscription_path(self.settings.project, name))


class PushTransport(PubSubTransport):
    """Pushes to a server here."""

    def _delivery(self) -> dict[str, Any]:
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), push_handler(lambda body: self.end.receive(parse_push(body)))
        )
        serve(self._server)
        return {
            "enable_message_ordering": True,
            "retry_policy": {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)},
            "push_config": {"push_endpoint": f"http://127.0.0.1:{self._server.server_port}/"},
        }

    def close(self) -> None:
        super().close()
        self._server.shutdown()


class PullTransport(PubSubTransport):
    """Pulled by a consumer here, as the worker does it."""

    def __init__(self, settings: Settings, ack_deadline_seconds: int = 30) -> None:
        """ack_deadline_seconds: of the subscription, from 10 s."""
        self._ack_deadline_seconds = ack_deadline_seconds
        super().__init__(settings)
        sources = record_sources(self.settings)

        def subscribe(owner: RebalanceListener) -> RecordSource:
            return sources(ROW.name, [TOPIC], owner)

        self.subscribe = subscribe
        self.member = Member(self.end, subscribe)

    def join(self, end: ConsumerEnd) -> None:
        """Have a new consumer in place of the one that has left."""
        self.member = Member(end, self.subscribe)

    def _delivery(self) -> dict[str, Any]:
        return {"enable_message_ordering": True, "ack_deadline_seconds": self._ack_deadline_seconds}

    def close(self) -> None:
        self.member.leave()
        super().close()


class KafkaTransport:
    """A broker with a member of a consumer group, in a cell of its own."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        cell = f"wire-{secrets.token_hex(6)}"
        self.settings = replace(settings, cell=cell, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
        self.end = ConsumerEnd()
        self.topics = [topic_name(TOPIC, cell)]
        broker.create_topics(*self.topics)
        broker.create_topics(topic_name(dead_topic(TOPIC), cell), partitions=1)
        self.bus: EventBus = KafkaBus(self.settings)
        self._raw = Producer({"bootstrap.servers": broker.bootstrap})
        self._dead = Reader(broker, topic_name(dead_topic(TOPIC), cell), partitions=1)
        self._sources = record_sources(self.settings)
        self._member = self.member(self.end)

    def member(self, end: ConsumerEnd, row: str = ROW.name) -> "Member":
        """A new member of the group of a row."""
        return Member(end, lambda owner: self._sources(row, [TOPIC], owner))

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
        self._member = self.member(self.end)

    def close(self) -> None:
        self._member.leave()
        self._dead.close()


class Member:
    """A consumer at work in a thread, one of perhaps several of a row."""

    def __init__(self, end: ConsumerEnd, join: Callable[[RebalanceListener], RecordSource]) -> None:
        """join: begins to take a row's records."""
        self.partitions = Partitions("member", end)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(join,), daemon=True)
        self._thread.start()

    def _run(self, join: Callable[[RebalanceListener], RecordSource]) -> None:
        source = join(self.partitions)
        try:
            consume(source, self.partitions, self._stop)
        finally:
            source.close()

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
