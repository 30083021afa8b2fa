"""The transport that events travel by, as EVENT_BUS says: Pub/Sub or Kafka, alike to who publishes and who receives.

A topic has as many ordering keys on Pub/Sub as it has partitions on Kafka, and a stream has the same one on either.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from shared.config import Settings
from shared.contracts.events import StoredEvent

ATTRIBUTES_AT_MOST: Final = 90
ATTRIBUTE_AT_MOST: Final = 256
ATTRIBUTE_AT_MOST_BYTES: Final = 1024
"""Pub/Sub's limits of attributes, of the name of one, and of its value; a message is kept within them on either."""


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


def topic_name(topic: str, region: str) -> str:
    """The name of a topic in a region: order is kept only among publishes in one region."""
    return f"{topic}-{region}"


def dead(topic: str) -> str:
    """The topic for what cannot be decoded of another."""
    return f"{topic}-dead"


def subscription_name(row: str, topic: str, region: str) -> str:
    """The name of a consumer's subscription to one of its topics in a region."""
    return f"{row}-{topic}-{region}"


def group_name(row: str, region: str) -> str:
    """The name of a consumer's group in a region, whose topics are its own."""
    return f"{row}-{region}"


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


def described(attributes: Mapping[str, str], consumer: str, reason: str) -> dict[str, str]:
    """The attributes of a message in a dead topic: its own, who could not read it, and why."""
    some = list(attributes.items())[:ATTRIBUTES_AT_MOST]
    kept = {f"original-{name}"[:ATTRIBUTE_AT_MOST]: _bounded(value) for name, value in some}
    return {**kept, "dead-consumer": consumer, "dead-reason": _bounded(reason)}


def _bounded(text: str) -> str:
    return text.encode()[:ATTRIBUTE_AT_MOST_BYTES].decode(errors="ignore")
