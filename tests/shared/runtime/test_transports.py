"""The guarantees of a transport to consumers, the same for Pub/Sub's pushes, pulls from it, and a Kafka group."""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from msgspec.structs import replace

from emulators.waiting import until
from shared.bus.kafka_group import Group
from shared.bus.records import TopicPartition
from shared.bus.topics import subscription_name, topic_name
from shared.bus.transport import seek
from shared.config import Settings
from shared.contracts.events import StoredEvent
from shared.errors import Unavailable
from shared.outbox.inbox import ASIDE_AFTER
from shared.postgres.database import Database
from shared.resources import Resources
from shared.runtime import receiver as receiving
from shared.runtime.consumer import Partitions
from shared.runtime.receiver import MessageReceiver
from tests.clocks import FakeClock
from tests.kafka import Broker, Reader, headers_of
from tests.shared.outbox.consumers import Consumer
from tests.shared.outbox.sample_events import TYPE, event, stream, to_row
from tests.shared.runtime.transports import (
    PATIENCE_SECONDS,
    ROW,
    TOPIC,
    ConsumerEnd,
    KafkaTransport,
    PullTransport,
    PushTransport,
    Transport,
)

ATTEMPTS = 3


@pytest.fixture(scope="module")
def push_wire(settings: Settings, resources: Resources) -> Iterator[PushTransport]:
    """Pub/Sub."""
    wire = PushTransport(settings)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def kafka_wire(settings: Settings, broker: Broker) -> Iterator[KafkaTransport]:
    """Kafka."""
    wire = KafkaTransport(settings, broker)
    yield wire
    wire.close()


@pytest.fixture(scope="module")
def pull_wire(settings: Settings, resources: Resources) -> Iterator[PullTransport]:
    """Pub/Sub, pulled."""
    wire = PullTransport(settings)
    yield wire
    wire.close()


@pytest.fixture(params=["push_wire", "pull_wire", "kafka_wire"])
def wire(request: pytest.FixtureRequest) -> Transport:
    """One after the other, each transport."""
    found: Transport = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer that gives up an event after some defects."""
    return Consumer(database, clock, ATTEMPTS)


def connected_to(consumer: Consumer, wire: Transport, end: ConsumerEnd) -> None:
    """Put a consumer at an end of a wire."""
    bound: Any = SimpleNamespace(row=ROW)
    with patch.object(receiving, "inbox", lambda *_: consumer.inbox):
        end.reception, end.crashes = MessageReceiver(bound, wire.settings, FakeClock()), 0


@pytest.fixture
def connect(consumer: Consumer) -> Callable[[Transport, ConsumerEnd], None]:
    """Puts the test's consumer at an end of a wire."""
    return partial(connected_to, consumer)


@pytest.fixture
def connected(wire: Transport, connect: Callable[[Transport, ConsumerEnd], None]) -> Transport:
    """A wire that leads to the test's consumer."""
    connect(wire, wire.end)
    return wire


def publish(wire: Transport, *events: StoredEvent) -> None:
    """Publish as the relay does."""
    assert all(wire.bus.publish(to_row(*events)))


def effects(consumer: Consumer, *names: str, last: int, first: int = 1) -> None:
    """Wait for the effects of streams up to a version, and see that they were made once and in order."""
    for name in names:
        found = until(partial(consumer.applied, name), lambda found: last in found, PATIENCE_SECONDS)
        assert found == list(range(first, last + 1))


def parked(consumer: Consumer, name: str, *expected: tuple[int, str]) -> None:
    """Wait until these are parked of a stream."""
    until(lambda: consumer.parked(name), lambda found: found == list(expected), PATIENCE_SECONDS)


def apart() -> tuple[str, str]:
    """Two streams of different partitions, the second one not of the first partition, where goes what is together."""
    first = stream()
    taken = {0, event(first, 1).partition()}
    return first, next(name for name in (stream() for _ in range(500)) if event(name, 1).partition() not in taken)


def test_every_event_has_its_effect_once_and_in_order(connected: Transport, consumer: Consumer) -> None:
    """Of many streams, in many partitions."""
    names = [stream() for _ in range(12)]
    publish(connected, *(event(name, version) for version in range(1, 6) for name in names))
    effects(consumer, *names, last=5)


def test_a_repeat_has_no_effect(connected: Transport, consumer: Consumer) -> None:
    """What a relay publishes again after a crash is known; what follows is applied."""
    name = stream()
    sent = [event(name, 1), event(name, 2)]
    publish(connected, *sent)
    publish(connected, *sent, event(name, 3))
    effects(consumer, name, last=3)


def test_what_is_no_event_is_kept_and_holds_up_nothing(connected: Transport, consumer: Consumer) -> None:
    """Forged, truncated, of another schema: it goes to the dead topic, and what follows in its partition is applied."""
    name = stream()
    good = event(name, 1)
    attributes = good.attributes()
    bad = [
        ({**attributes, "ce-source": "/order", "ce-dataschema": f"/order/{TYPE}/v1"}, good.body()),
        ({**attributes, "ce-dataschema": f"/claim/{TYPE}/v2"}, good.body()),
        ({**attributes, "ce-streamversion": "many"}, good.body()),
        (attributes, good.body()[:-1]),
        (attributes, b""),
        ({"partition": attributes["partition"], "key": "nobody"}, b"\xff nonsense"),
    ]
    for headers, body in bad:
        connected.send_raw(headers, body or b" ")
    publish(connected, good, event(name, 2))
    effects(consumer, name, last=2)
    dead_letters = connected.dead(len(bad))
    assert sorted(each.body for each in dead_letters) == sorted(body or b" " for _, body in bad)
    assert all(each.attributes["dead-consumer"] == ROW.name and each.attributes["dead-reason"] for each in dead_letters)
    assert sum(each.attributes.get("original-ce-subject") == name for each in dead_letters) == len(bad) - 1
    assert consumer.parked(name) == []


def test_a_type_that_is_new_is_left_alone(connected: Transport, consumer: Consumer) -> None:
    """A producer may be newer than its consumers."""
    name = stream()
    new = {"ce-type": "claim.framed", "ce-dataschema": "/claim/claim.framed/v1"}
    connected.send_raw({**event(name, 1).attributes(), **new}, b"{}")
    publish(connected, event(name, 2, prior=0))
    effects(consumer, name, first=2, last=2)


def test_poison_costs_only_its_stream(connected: Transport, consumer: Consumer) -> None:
    """It is tried as often as its row says and parked, with what follows; all others are applied."""
    poison, other = apart()
    others = [stream() for _ in range(500)]
    mate = next(name for name in others if event(name, 1).partition() == event(poison, 1).partition())
    consumer.failing, consumer.failure = {3}, lambda: KeyError("a defect")
    publish(connected, *(event(name, version) for version in (1, 2) for name in (poison, mate, other)))
    publish(connected, event(poison, 3), event(poison, 4))
    parked(consumer, poison, (3, "failed"), (4, "gap"))
    consumer.failing = set()
    publish(connected, *(event(name, 3) for name in (mate, other)))
    effects(consumer, mate, other, last=3)
    assert consumer.applied(poison) == [1, 2]


def test_what_is_not_there_holds_up_only_its_partition(connected: Transport, consumer: Consumer) -> None:
    """It is tried again and again, others go on meanwhile, and it goes on when what it needs is there."""
    stuck, free = apart()
    consumer.failing, consumer.failure = {2}, lambda: Unavailable("not now")
    publish(connected, event(stuck, 1), event(stuck, 2), event(stuck, 3))
    until(lambda: connected.end.came.count((stuck, "2")), lambda tries: tries >= 2, PATIENCE_SECONDS)
    publish(connected, event(free, 1))
    until(lambda: consumer.applied(free), lambda found: found == [1], PATIENCE_SECONDS)
    assert consumer.applied(stuck) == [1]
    consumer.failing = set()
    effects(consumer, stuck, last=3)


def test_a_crash_before_the_acknowledgement_has_one_effect(connected: Transport, consumer: Consumer) -> None:
    """The effect is committed but not acknowledged: it is redelivered, and recognised."""
    name = stream()
    connected.end.crashes = 3
    publish(connected, event(name, 1), event(name, 2))
    until(lambda: connected.end.crashes, lambda left: left == 0, PATIENCE_SECONDS)
    publish(connected, event(name, 3))
    effects(consumer, name, last=3)


def partners(name: str, count: int) -> list[str]:
    """So many streams of the partition of another one."""
    home = event(name, 1).partition()
    return [each for each in (stream() for _ in range(500)) if event(each, 1).partition() == home][:count]


def test_what_is_published_together_arrives_together(connected: Transport, consumer: Consumer) -> None:
    """Events of a partition share a message on Pub/Sub, and a batch on Kafka, and so a transaction."""
    first = stream()
    names = [first, *partners(first, 7)]
    connected.end.together.clear()
    publish(connected, *(event(name, version) for version in (1, 2) for name in names))
    effects(consumer, *names, last=2)
    assert max(connected.end.together) > len(names)


def test_poison_among_what_arrives_together_costs_only_its_stream(connected: Transport, consumer: Consumer) -> None:
    """It is parked after its attempts, and all others are applied once."""
    poison = stream()
    names = partners(poison, 6)
    consumer.failing, consumer.failure = {2}, lambda: KeyError("a defect")
    publish(connected, *(event(name, 1) for name in (*names, poison)), event(poison, 2), event(poison, 3))
    effects(consumer, *names, last=1)
    parked(consumer, poison, (2, "failed"), (3, "gap"))
    assert consumer.applied(poison) == [1]


@pytest.mark.parametrize("real", ["push_wire", "pull_wire"])
def test_what_is_published_together_shares_a_message_whatever_its_partition(
    real: str, request: pytest.FixtureRequest, connect: Callable[[Transport, ConsumerEnd], None], consumer: Consumer
) -> None:
    """As long as it is little; in numbers it goes by several keys, with each stream in its order."""
    wire: Transport = request.getfixturevalue(real)
    connect(wire, wire.end)
    few, many = [stream() for _ in range(12)], [stream() for _ in range(40)]
    wire.end.together.clear()
    publish(wire, *(event(name, 1) for name in few))
    effects(consumer, *few, last=1)
    assert wire.end.together == [len(few)]
    publish(wire, *(event(name, version) for version in (1, 2, 3) for name in many))
    effects(consumer, *many, last=3)
    assert consumer.parked(many[0]) == []


def test_what_is_not_there_holds_up_nothing_that_came_with_it(
    connected: Transport, consumer: Consumer, clock: FakeClock
) -> None:
    """It is set aside after a while, and what follows in its key or partition goes on."""
    stuck = stream()
    mates = partners(stuck, 4)
    consumer.failing, consumer.failure = {2}, lambda: Unavailable("not now")
    publish(connected, event(stuck, 1), event(stuck, 2), event(stuck, 3), *(event(name, 1) for name in mates))
    effects(consumer, *mates, last=1)
    assert consumer.parked(stuck) == []
    clock.pass_by(seconds=ASIDE_AFTER.total_seconds())
    parked(consumer, stuck, (2, "unavailable"), (3, "gap"))
    consumer.failing = set()
    publish(connected, *(event(name, 2) for name in mates))
    effects(consumer, *mates, last=2)
    assert consumer.applied(stuck) == [1]


# What only Kafka has, or its stand-in can show


@pytest.mark.long
def test_what_was_delivered_comes_again_after_a_seek(
    kafka_wire: KafkaTransport, consumer: Consumer, connect: Callable[[Transport, ConsumerEnd], None]
) -> None:
    """Since a time: none of it has a second effect."""
    connect(kafka_wire, kafka_wire.end)
    before, names = datetime.now(UTC) - timedelta(hours=1), [stream() for _ in range(2)]
    publish(kafka_wire, *(event(name, 1) for name in names))
    effects(consumer, *names, last=1)
    came = kafka_wire.end.came.count
    with kafka_wire.stopped():
        assert seek(kafka_wire.settings, ROW.name, [TOPIC], before) > 0
    until(lambda: min(came((name, "1")) for name in names), lambda times: times >= 2, PATIENCE_SECONDS)
    assert [consumer.applied(name) for name in names] == [[1], [1]]


def test_a_group_at_work_does_not_go_back(kafka_wire: KafkaTransport, consumer: Consumer, connect: Any) -> None:
    """Its members would move the offset on at once: a seek is refused until they are stopped."""
    connect(kafka_wire, kafka_wire.end)
    name = stream()
    publish(kafka_wire, event(name, 1))
    effects(consumer, name, last=1)
    with pytest.raises(Unavailable, match="end its consumers first"):
        seek(kafka_wire.settings, ROW.name, [TOPIC], datetime.now(UTC) - timedelta(hours=1))


def test_a_record_is_a_cloud_event_in_binary_mode(kafka_wire: KafkaTransport, broker: Broker) -> None:
    """As the CloudEvents Kafka protocol binding 1.0 has it: `ce_` headers, content-type, the data as value."""
    sent = event(stream(), 1, request_id="request-1")
    publish(kafka_wire, sent)
    reader = Reader(broker, kafka_wire.topics[0])
    try:
        found = until(
            lambda: [each for each in reader.read() if each.key() == sent.stream.encode()], bool, PATIENCE_SECONDS
        )
    finally:
        reader.close()
    assert (found[0].partition(), found[0].value()) == (sent.partition(), sent.body())
    headers = headers_of(found[0])
    assert headers["content-type"] == "application/json"
    assert {name: headers[f"ce_{name}"] for name in ("specversion", "id", "source", "type", "subject")} == {
        "specversion": "1.0",
        "id": sent.id,
        "source": "/claim",
        "type": sent.type,
        "subject": sent.stream,
    }
    assert headers[f"to-{ROW.name}"] == "0"
    assert all(name in ("content-type", f"to-{ROW.name}") or name.startswith("ce_") for name in headers)


@pytest.mark.long
def test_partitions_change_hands_while_effects_are_made(
    kafka_wire: KafkaTransport, consumer: Consumer, connect: Callable[[Transport, ConsumerEnd], None]
) -> None:
    """A second member comes while the first one handles: every effect once, in order.

    Who is new to the topic compares; who takes over what the group knows does not.
    """
    ends = [ConsumerEnd(), ConsumerEnd()]
    for end in (kafka_wire.end, *ends):
        connect(kafka_wire, end)
    names = [stream() for _ in range(12)]
    stop = threading.Event()
    sent = 0

    def keep_publishing() -> None:
        nonlocal sent
        while not stop.is_set():
            publish(kafka_wire, *(event(name, sent + 1) for name in names))
            sent += 1
            stop.wait(0.2)

    group = stream()
    first = kafka_wire.member(ends[0], group)
    publishing = threading.Thread(target=keep_publishing)
    publishing.start()
    try:
        until(lambda: sum(ends[0].together), bool, PATIENCE_SECONDS)
        second = kafka_wire.member(ends[1], group)
        until(lambda: sum(ends[1].together), bool, PATIENCE_SECONDS)
    finally:
        stop.set()
        publishing.join()
    effects(consumer, *names, last=sent)
    first.leave()
    second.leave()


@pytest.mark.long
def test_who_cannot_begin_with_a_partition_joins_again(kafka_wire: KafkaTransport) -> None:
    """A database that is down during assignment fails the consumer: no partition is started without its state."""

    class Unable(Partitions):
        def assigned(self, places: Mapping[TopicPartition, int | None]) -> None:
            raise Unavailable("the database is down")

    name = stream()
    group = Group(kafka_wire.settings, name, kafka_wire.topics, Unable(name, ConsumerEnd()))
    try:
        with pytest.raises(Unavailable, match="could not be begun with"):
            until(lambda: group.take(100, 0.2), lambda _: False, PATIENCE_SECONDS)
    finally:
        group.close()


def test_a_subscription_goes_back_to_a_time(settings: Settings, resources: Resources) -> None:
    """Unordered, as the emulator requires; a missing subscription is an error."""
    own = replace(settings, project=f"test-{secrets.token_hex(6)}")
    publisher, subscriber = PublisherClient(), SubscriberClient()
    topic = publisher.topic_path(own.project, topic_name(TOPIC, own.cell))
    path = subscriber.subscription_path(own.project, subscription_name(ROW.name, TOPIC, own.cell))
    publisher.create_topic(name=topic, timeout=10)
    with pytest.raises(Unavailable):
        seek(own, ROW.name, [TOPIC], datetime.now(UTC))
    expected = {"name": path, "topic": topic, "retain_acked_messages": True}
    subscriber.create_subscription(request=expected, timeout=10)
    before = datetime.now(UTC) - timedelta(hours=1)
    publisher.publish(topic, b"once").result(timeout=10)

    def pulled() -> list[bytes]:
        found = subscriber.pull(subscription=path, max_messages=1, timeout=10).received_messages
        subscriber.acknowledge(subscription=path, ack_ids=[each.ack_id for each in found], timeout=10)
        return [each.message.data for each in found]

    assert until(pulled, bool) == [b"once"]
    assert seek(own, ROW.name, [TOPIC], before) == 1
    assert until(pulled, bool) == [b"once"]
