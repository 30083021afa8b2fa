"""Two transports as a consumer has them, from the publisher to its reception: Pub/Sub's pushes, and a Kafka group.

A wire lasts for a module: a group needs seconds to form. Each test puts its own consumer at its end.
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

from shared.adapters.kafka import KafkaBus, headers
from shared.adapters.kafka_group import Group
from shared.adapters.pubsub import PubSubBus
from shared.adapters.topics import dead, group_name, topic_name
from shared.adapters.transport import EventBus
from shared.config import Settings
from shared.registry import load
from shared.runtime.consumer import Partitions, consume
from shared.runtime.event import Delivered, Reception, pushed
from tests.kafka import Broker, Reader, headers_of
from tests.pushes import push_handler

TOPIC = "claim-events"
ROW = load().rows["record_claim"]
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Kept:
    """What is in a dead topic."""

    attributes: Mapping[str, str]
    body: bytes


class End:
    """What a wire leads to: the reception of whichever test runs. What becomes of its answers can be spoilt."""

    def __init__(self) -> None:
        self.reception: Reception | None = None
        self.crashes = 0
        """How many times the process is yet to die between an effect and its acknowledgement."""
        self.together: list[int] = []
        """How many messages were offered at once, each time."""
        self.came: list[tuple[str, str]] = []
        """Stream and version of all that came."""

    def take(self, delivered: Delivered) -> str:
        assert self.reception is not None
        self._note(delivered)
        done = self.reception.take(delivered)
        if self.crashes:
            self.crashes -= 1
            raise ConnectionError("the process died before it could say so")
        return done

    def take_together(self, delivered: Sequence[Delivered]) -> bool:
        assert self.reception is not None
        if self.crashes:
            return False
        self.together.append(len(delivered))
        if not self.reception.take_together(delivered):
            return False
        for each in delivered:
            self._note(each)
        return True

    def _note(self, delivered: Delivered) -> None:
        self.came.append((delivered.attributes.get("ce-subject", ""), delivered.attributes.get("ce-streamversion", "")))


class Wire(Protocol):
    """A transport with a consumer at its end."""

    settings: Settings
    bus: EventBus
    end: End

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        """Publish whatever it is, in the partition that its attributes name."""

    def dead(self, count: int) -> list[Kept]:
        """So many messages of the dead topic that have not been asked for."""

    def close(self) -> None:
        """End it."""


class PushWire:
    """Pub/Sub's emulator in a project of its own, which pushes to a server here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, project=f"test-{secrets.token_hex(6)}")
        self.end = End()
        self._publisher = PublisherClient(publisher_options=PublisherOptions(enable_message_ordering=True))
        self._subscriber = SubscriberClient()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), push_handler(lambda body: self.end.take(pushed(body))))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        for topic in (TOPIC, dead(TOPIC)):
            self._publisher.create_topic(name=self._topic(topic), timeout=10)
        backoff = {"minimum_backoff": Duration(nanos=100_000_000), "maximum_backoff": Duration(seconds=1)}
        wanted: dict[str, Any] = {"name": self._subscription("live"), "topic": self._topic(TOPIC)}
        endpoint = f"http://127.0.0.1:{self._server.server_port}/"
        wanted |= {"enable_message_ordering": True, "retry_policy": backoff, "push_config": {"push_endpoint": endpoint}}
        self._subscriber.create_subscription(request=wanted, timeout=10)
        wanted = {"name": self._subscription("dead"), "topic": self._topic(dead(TOPIC))}
        self._subscriber.create_subscription(request=wanted, timeout=10)
        self.bus: EventBus = PubSubBus(self.settings)

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        key = attributes["partition"]
        self._publisher.publish(self._topic(TOPIC), body, ordering_key=key, **attributes).result(timeout=10)

    def dead(self, count: int) -> list[Kept]:
        def pull() -> list[Kept]:
            try:
                pulled = self._subscriber.pull(subscription=self._subscription("dead"), max_messages=count, timeout=1)
            except DeadlineExceeded:
                return []
            ids = [each.ack_id for each in pulled.received_messages]
            if ids:
                self._subscriber.acknowledge(subscription=self._subscription("dead"), ack_ids=ids, timeout=5)
            return [Kept(dict(m.message.attributes), m.message.data) for m in pulled.received_messages]

        return _collected(pull, count)

    def close(self) -> None:
        self._subscriber.delete_subscription(subscription=self._subscription("live"), timeout=10)
        self._server.shutdown()

    def _topic(self, topic: str) -> str:
        return str(self._publisher.topic_path(self.settings.project, topic_name(topic, self.settings.region)))

    def _subscription(self, name: str) -> str:
        return str(self._subscriber.subscription_path(self.settings.project, name))


class KafkaWire:
    """A broker, with a member of a group that takes from it, in a region of its own."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        region = f"wire-{secrets.token_hex(6)}"
        self.settings = replace(settings, region=region, event_bus="kafka", kafka_bootstrap=broker.bootstrap)
        self.end = End()
        self.topics = [topic_name(TOPIC, region)]
        broker.make(*self.topics)
        broker.make(topic_name(dead(TOPIC), region), partitions=1)
        self.bus: EventBus = KafkaBus(self.settings)
        self._raw = Producer({"bootstrap.servers": broker.bootstrap})
        self._dead = Reader(broker, topic_name(dead(TOPIC), region), partitions=1)
        self._group = group_name(ROW.name, region)
        self._member = Member(self, self.end, self._group)

    def send_raw(self, attributes: Mapping[str, str], body: bytes) -> None:
        key, partition = attributes["key"], int(attributes["partition"])
        self._raw.produce(self.topics[0], body, key, partition, headers=headers(attributes))
        assert self._raw.flush(10) == 0

    def dead(self, count: int) -> list[Kept]:
        return _collected(lambda: [Kept(headers_of(each), each.value()) for each in self._dead.read(1.0)], count)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """A time in which nobody takes from it."""
        self._member.leave()
        yield
        self._member = Member(self, self.end, self._group)

    def close(self) -> None:
        self._member.leave()
        self._dead.close()


class Member:
    """A member of a consumer group, at work in a thread."""

    def __init__(self, wire: KafkaWire, end: End, group: str) -> None:
        self.partitions = Partitions(group, end)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(wire, group), daemon=True)
        self._thread.start()

    def _run(self, wire: KafkaWire, group: str) -> None:
        member = Group(wire.settings, group, wire.topics, self.partitions)
        try:
            consume(member, self.partitions, self._stop)
        finally:
            member.close()

    def leave(self) -> None:
        """End it in order."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


def _collected(look: Callable[[], list[Kept]], count: int) -> list[Kept]:
    found: list[Kept] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} messages"
        found += look()
    return found


def as_push(attributes: Mapping[str, Any], data: bytes) -> bytes:
    """The body of a push."""
    return msgspec.json.encode({"message": {"attributes": attributes, "data": base64.b64encode(data).decode()}})
