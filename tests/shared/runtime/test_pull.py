"""What only pulled subscriptions have, on Google's emulator: batches, giving back, and processes that die."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from unittest.mock import patch

import pytest

from emulators.stack.environment import PULL, PUSH
from emulators.stack.parts.subscriptions import Subscriptions
from emulators.waiting import until
from shared.bus.records import RebalanceListener, Record, RecordSource, TopicPartition
from shared.bus.topics import subscription_name
from shared.bus.transport import record_sources
from shared.config import Settings
from shared.errors import Unavailable
from shared.postgres.database import Database
from shared.resources import Resources
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer
from tests.shared.outbox.sample_events import event, stream
from tests.shared.runtime.test_transports import apart, connected_to, effects, publish
from tests.shared.runtime.transports import PATIENCE_SECONDS, ROW, TOPIC, ConsumerEnd, Member, PullTransport
from tests.stall_proxy import StallProxy

LEASE_SECONDS = 600
"""The deadline of messages that a test must not outlast."""


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer."""
    return Consumer(database, clock)


@pytest.fixture
def pulled(settings: Settings, resources: Resources) -> Iterator[Callable[..., PullTransport]]:
    """Creates a subscription with a consumer at its end, from whom nobody takes messages for as long as he has them."""
    opened: list[PullTransport] = []

    def open_one(consumer: Consumer, ack_deadline_seconds: int = LEASE_SECONDS) -> PullTransport:
        opened.append(PullTransport(settings, ack_deadline_seconds))
        connected_to(consumer, opened[-1], opened[-1].end)
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_a_backlog_shares_transactions(pulled: Callable[..., PullTransport], consumer: Consumer) -> None:
    """What waits of many keys is pulled, applied and acknowledged in batches."""
    wire = pulled(consumer)
    wire.member.leave()
    names = [stream() for _ in range(20)]
    publish(wire, *(event(name, version) for version in range(1, 6) for name in names))
    wire.join(wire.end)
    effects(consumer, *names, last=5)
    assert sum(wire.end.together) > 50
    assert max(wire.end.together) > 10
    until(partial(backlog, wire), lambda left: left == 0, PATIENCE_SECONDS)


def backlog(wire: PullTransport) -> int:
    """How many messages are held by the consumer, or waiting for it."""
    return sum(len(line.waiting) for line in wire.member.partitions._lines.values())


def test_who_stops_gives_back_what_he_has(pulled: Callable[..., PullTransport], consumer: Consumer) -> None:
    """At once, long before its deadline: the next one gets it, in order, and what came meanwhile."""
    wire = pulled(consumer)
    stuck, _ = apart()
    consumer.failing, consumer.failure = {2}, lambda: Unavailable("not now")
    publish(wire, *(event(stuck, version) for version in range(1, 5)))
    until(lambda: wire.end.came.count((stuck, "2")), lambda tries: tries >= 2, PATIENCE_SECONDS)
    wire.member.leave()
    assert consumer.applied(stuck) == [1]
    publish(wire, event(stuck, 5))
    consumer.failing = set()
    wire.join(wire.end)
    effects(consumer, stuck, last=5)


def test_two_consumers_share_a_subscription(pulled: Callable[..., PullTransport], consumer: Consumer) -> None:
    """Instances of a worker: each event has one effect, in order within its stream."""
    wire, end = pulled(consumer), ConsumerEnd()
    connected_to(consumer, wire, end)
    second = Member(end, wire.subscribe)
    names = [stream() for _ in range(24)]
    for version in range(1, 9):
        publish(wire, *(event(name, version) for name in names))
    effects(consumer, *names, last=8)
    second.leave()


class Dying:
    """A source whose process does nothing more, from its first acknowledgement on."""

    def __init__(self, source: RecordSource, died: threading.Event) -> None:
        self._source = source
        self._died = died

    def take(self, most: int, within_seconds: float) -> list[Record]:
        return self._source.take(most, within_seconds)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        if offsets:
            self._died.set()
            threading.Event().wait()
        return True

    def pause(self, place: TopicPartition) -> None:
        self._source.pause(place)

    def resume(self, place: TopicPartition) -> None:
        self._source.resume(place)

    def close(self) -> None:
        """Nothing is given back."""


@pytest.mark.long
def test_who_dies_after_an_effect_has_it_recognised(pulled: Callable[..., PullTransport], consumer: Consumer) -> None:
    """The effect was not acknowledged: Pub/Sub delivers it again after its deadline, and it has no other."""
    wire, died = pulled(consumer, 10), threading.Event()
    wire.member.leave()
    name = stream()

    def subscribe(owner: RebalanceListener) -> RecordSource:
        return Dying(wire.subscribe(owner), died)

    Member(wire.end, subscribe)
    publish(wire, event(name, 1), event(name, 2))
    assert died.wait(PATIENCE_SECONDS)
    assert 1 in consumer.applied(name)
    wire.join(wire.end)
    publish(wire, event(name, 3))
    effects(consumer, name, last=3)
    assert wire.end.came.count((name, "1")) >= 2


@pytest.mark.long
def test_a_lease_is_kept_for_as_long_as_something_is_missing(
    pulled: Callable[..., PullTransport], consumer: Consumer
) -> None:
    """Beyond the subscription's deadline nobody else gets what is being retried."""
    wire, end = pulled(consumer, 15), ConsumerEnd()
    name = stream()
    consumer.failing, consumer.failure = {1}, lambda: Unavailable("not now")
    publish(wire, event(name, 1), event(name, 2))
    until(lambda: wire.end.came.count((name, "1")), lambda tries: tries >= 2, PATIENCE_SECONDS)
    connected_to(consumer, wire, end)
    other = Member(end, wire.subscribe)
    assert not threading.Event().wait(20), "longer than the deadline"
    assert end.came == []
    consumer.failing = set()
    effects(consumer, name, last=2)
    other.leave()


@pytest.mark.long
def test_a_pubsub_that_hangs_is_found_again(pulled: Callable[..., PullTransport], consumer: Consumer) -> None:
    """While it hangs a consumer can be stopped; one that stays takes what has come meanwhile, without a restart."""
    wire = pulled(consumer, 10)
    wire.member.leave()
    first, second = apart()
    with StallProxy(int(os.environ["PUBSUB_EMULATOR_HOST"].rpartition(":")[2])) as proxy:
        with patch.dict(os.environ, {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{proxy.port}"}):
            sources = record_sources(wire.settings)
        staying, leaving = (Member(wire.end, lambda owner: sources(ROW.name, [TOPIC], owner)) for _ in range(2))
        publish(wire, event(first, 1))
        effects(consumer, first, last=1)
        proxy.stall()
        publish(wire, event(first, 2), event(second, 1))
        leaving.leave()
        proxy.resume()
        effects(consumer, first, last=2)
        effects(consumer, second, last=1)
        staying.leave()


def test_a_subscription_can_change_from_push_to_pull_and_back(settings: Settings) -> None:
    """The stack's topics process makes what exists fit: nothing has to be deleted."""
    project = f"test-{secrets.token_hex(6)}"
    client = Subscriptions(settings.cell, project, "127.0.0.1:1", "token")._subscriber
    path = client.subscription_path(project, subscription_name(ROW.name, TOPIC, settings.cell))
    for delivery, endpoint in ((PUSH, True), (PULL, False), (PUSH, True), (PULL, False)):
        Subscriptions(settings.cell, project, "127.0.0.1:1", "token", delivery).create()
        found = client.get_subscription(subscription=path, timeout=10).push_config.push_endpoint
        assert bool(found) is endpoint
