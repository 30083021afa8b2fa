"""The event transport chosen by EVENT_BUS and EVENT_DELIVERY: Pub/Sub or Kafka, behind one interface.

A topic has as many ordering keys on Pub/Sub as partitions on Kafka, and a stream maps to the same one on either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from shared.bus.records import RebalanceListener, RecordSource, RecordSources
from shared.bus.topics import group_name, subscription_name, topic_name
from shared.config import Settings
from shared.contracts.events import PRIOR_PREFIX, StoredEvent


class AddressedEvent(msgspec.Struct, frozen=True):
    """An event to publish, and its addressees: the rows that handle its type, each with the event's prior for it.

    cells: the cells in which each of them receives it; where none are given, the one that publishes it.
    """

    event: StoredEvent
    to: Mapping[str, int] = msgspec.field(default_factory=dict)
    cells: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)

    def attributes(self, *rows: str) -> dict[str, str]:
        """The attributes of its message to some of its addressees."""
        return {**self.event.attributes(), **{f"{PRIOR_PREFIX}{row}": str(self.to[row]) for row in rows}}


class EventBus(Protocol):
    """A transport with Kafka semantics."""

    def publish(self, events: Sequence[AddressedEvent]) -> list[bool]:
        """Publish events to their addressees, in this order per partition.

        Returns for each whether the transport has acknowledged it for all of them; if it has none, nothing is sent.
        """


class DeadTopics(Protocol):
    """The dead-letter topics `<topic>-dead`, for messages that consumers cannot decode."""

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str], consumer: str, reason: str) -> None:
        """Store a message with its attributes, the consumer, and the reason. Raises Unavailable if that fails."""


def event_bus(settings: Settings) -> EventBus:
    """The bus that relays publish to."""
    if settings.event_bus == "kafka":
        from shared.bus.kafka import KafkaBus

        return KafkaBus(settings)
    from shared.bus.pubsub import PubSubBus

    return PubSubBus(settings)


def dead_topics(settings: Settings) -> DeadTopics:
    """The dead-letter topics that consumers publish to."""
    if settings.event_bus == "kafka":
        from shared.bus.kafka import KafkaDeadTopics

        return KafkaDeadTopics(settings)
    from shared.bus.pubsub import PubSubDeadTopics

    return PubSubDeadTopics(settings)


def record_sources(settings: Settings) -> RecordSources:
    """What consumers take their records from: members of their groups on Kafka, and pulled subscriptions on Pub/Sub.

    All of a process share one client of Pub/Sub, and one for each other place that another cell's is reached at, which
    connect on first use.
    """
    if settings.event_bus == "kafka":
        from shared.bus.kafka_group import Group

        def join(row: str, topics: Sequence[str], owner: RebalanceListener, cell: str | None = None, /) -> RecordSource:
            names = [topic_name(topic, cell or settings.cell) for topic in topics]
            return Group(settings.of_brokers(cell), group_name(row, settings.cell, cell), names, owner)

        return join
    from shared.bus.pubsub_client import SubscriberApi
    from shared.bus.pubsub_pull import PullSubscriber

    own = SubscriberApi(settings.region)
    others = {cell: SubscriberApi(settings.region, address) for cell, address in settings.pubsub_cells.items()}

    def subscribe(
        row: str, topics: Sequence[str], owner: RebalanceListener, cell: str | None = None, /
    ) -> RecordSource:
        names = [subscription_name(row, topic, settings.cell, cell) for topic in topics]
        api = others.get(cell or settings.cell, own)
        return PullSubscriber(api, {name: api.path(settings.project, name) for name in names}, owner)

    return subscribe


def seek(
    settings: Settings, row: str, topics: Sequence[str], since: datetime, sources: Sequence[str] | None = None
) -> int:
    """Have the transport redeliver everything it retains since a time to a consumer, whose inbox deduplicates it.

    sources: the cells whose events it receives; its own by default. Returns how many subscriptions, or partitions, were
    moved back. Raises Unavailable; on Kafka also while the consumer is running, since only a group without members can
    be moved.
    """
    if settings.event_bus == "kafka":
        from shared.bus.kafka_group import rewind

        return sum(
            rewind(
                settings.of_brokers(cell),
                group_name(row, settings.cell, cell),
                [topic_name(topic, cell) for topic in topics],
                since,
            )
            for cell in sources or [settings.cell]
        )
    from shared.bus.pubsub import rewind as rewind_subscriptions

    names = [
        subscription_name(row, topic, settings.cell, cell) for cell in sources or [settings.cell] for topic in topics
    ]
    return rewind_subscriptions(settings, names, since)
