"""The transport that events travel by, as EVENT_BUS says: Pub/Sub or Kafka, alike to who publishes and who receives.

A topic has as many ordering keys on Pub/Sub as it has partitions on Kafka, and a stream has the same one on either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from shared.adapters.topics import group_name, subscription_name, topic_name
from shared.config import Settings
from shared.contracts.events import StoredEvent


class EventBus(Protocol):
    """A transport with Kafka semantics."""

    def publish(self, events: Sequence[StoredEvent]) -> list[bool]:
        """Publish events in this order per partition; tells for each whether it is safely with the transport."""


class DeadTopics(Protocol):
    """Where consumers put what they cannot decode: `<topic>-dead`, beside each topic."""

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str], consumer: str, reason: str) -> None:
        """Keep a message with its attributes, who could not read it, and why. Raises Unavailable if it is not kept."""


def event_bus(settings: Settings) -> EventBus:
    """What relays publish to."""
    if settings.event_bus == "kafka":
        from shared.adapters.kafka import KafkaBus

        return KafkaBus(settings)
    from shared.adapters.pubsub import PubSubBus

    return PubSubBus(settings)


def dead_topics(settings: Settings) -> DeadTopics:
    """What consumers keep undecodable messages in."""
    if settings.event_bus == "kafka":
        from shared.adapters.kafka import KafkaDeadTopics

        return KafkaDeadTopics(settings)
    from shared.adapters.pubsub import PubSubDeadTopics

    return PubSubDeadTopics(settings)


def seek(settings: Settings, row: str, topics: Sequence[str], since: datetime) -> int:
    """Have the transport deliver to a consumer again all that it still has since a time; what was applied is known.

    Returns how many subscriptions, or partitions, went back. Raises Unavailable; on Kafka also while the consumer is at
    work, since a group's place is its members' to move.
    """
    if settings.event_bus == "kafka":
        from shared.adapters.kafka_group import rewind

        names = [topic_name(topic, settings.region) for topic in topics]
        return rewind(settings, group_name(row, settings.region), names, since)
    from shared.adapters.pubsub import rewind as rewind_subscriptions

    return rewind_subscriptions(settings, [subscription_name(row, topic, settings.region) for topic in topics], since)
