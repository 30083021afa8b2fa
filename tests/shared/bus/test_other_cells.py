"""A row takes other cells' records from their topics, by subscriptions and groups of its own cell."""

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from shared.bus.transport import record_sources, seek
from shared.config import Settings, read
from shared.registry import load
from shared.resources import Resources
from shared.runtime import consumer
from tests.clocks import FakeClock
from tests.shared.test_config import LEAST

LOCAL = {**LEAST, "MERIDIAN_ENVIRONMENT": "local", "MERIDIAN_REGION": "us-central1"}
KAFKA = {**LOCAL, "EVENT_BUS": "kafka", "KAFKA_BOOTSTRAP": "a:1", "KAFKA_CELLS": "eu=b:1"}
OWNER: Any = None


def test_a_kafka_group_reads_the_cluster_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a name of its own, so that it shares no partitions with the consumers of the own cell's topics."""
    joined: list[tuple[str, str, list[str]]] = []

    def group(settings: Settings, name: str, topics: list[str], _: object) -> None:
        joined.append((settings.kafka_bootstrap, name, topics))

    monkeypatch.setattr("shared.bus.kafka_group.Group", group)
    join = record_sources(read(KAFKA))
    for cell in (None, "us", "eu", "as"):
        join("thing", ["order-events"], OWNER, cell)
    assert joined == [
        ("a:1", "thing-us", ["order-events-us"]),
        ("a:1", "thing-us", ["order-events-us"]),
        ("b:1", "thing-eu-to-us", ["order-events-eu"]),
        ("a:1", "thing-as-to-us", ["order-events-as"]),
    ]


def test_a_seek_goes_back_in_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Kafka by the group in each cluster, on Pub/Sub by each subscription."""
    moved: list[Any] = []

    def rewind(settings: Settings, group: str, topics: list[str], _: object) -> int:
        moved.append((settings.kafka_bootstrap, group, topics))
        return 2

    now = FakeClock().now()
    monkeypatch.setattr("shared.bus.kafka_group.rewind", rewind)
    assert seek(read(KAFKA), "thing", ["order-events"], now, ["us", "eu"]) == 4
    assert moved == [
        ("a:1", "thing-us", ["order-events-us"]),
        ("b:1", "thing-eu-to-us", ["order-events-eu"]),
    ]

    def rewind_subscriptions(_: Settings, names: Sequence[str], __: object) -> int:
        moved.append(list(names))
        return len(names)

    monkeypatch.setattr("shared.bus.pubsub.rewind", rewind_subscriptions)
    assert seek(read(LOCAL), "thing", ["order-events"], now, ["eu", "as"]) == 2
    assert moved[-1] == ["thing-order-events-eu-to-us", "thing-order-events-as-to-us"]


def test_a_worker_has_a_consumer_for_each_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a thread of its own, so that a cluster that cannot be reached holds up no other."""
    started: list[tuple[str, str]] = []

    class Started:
        def __init__(self, bound: Any, _: object, __: object, cell: str) -> None:
            started.append((bound.row.name, cell))

        def run(self, stop: threading.Event) -> None:
            stop.wait()

    monkeypatch.setattr(consumer, "EventConsumer", Started)
    resources = Resources(read({**KAFKA, "RPC_ADDRESSES": "supply@eu=e:1,supply@as=f:1"}))
    bounds: Any = [SimpleNamespace(row=load().rows[name]) for name in ("capture_hold", "replicate_supply")]
    stop = threading.Event()
    working = threading.Thread(target=consumer.work, args=("supply", resources, bounds, stop))
    working.start()
    stop.set()
    working.join(20)
    assert sorted(started) == [("capture_hold", "us"), ("replicate_supply", "as"), ("replicate_supply", "eu")]


def test_pulls_of_other_cells_go_by_their_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the local stack names one; the rest is asked of the own Pub/Sub."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "a:1")
    asked: list[str] = []
    monkeypatch.setattr(
        "shared.bus.pubsub_pull.PullSubscriber", lambda api, *_: asked.append(api._client.transport._host)
    )
    subscribe = record_sources(read({**LOCAL, "EVENT_DELIVERY": "pull", "PUBSUB_CELLS": "eu=b:1"}))
    for cell in (None, "us", "eu", "as"):
        subscribe("thing", ["order-events"], OWNER, cell)
    assert len(set(asked)) == 2
    assert asked[0] == asked[1] == asked[3] != asked[2]
