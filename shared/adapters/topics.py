"""What topics, subscriptions and groups are called, and what a message in a dead topic bears, on either transport."""

from collections.abc import Mapping
from typing import Final

ATTRIBUTES_AT_MOST: Final = 90
ATTRIBUTE_AT_MOST: Final = 256
ATTRIBUTE_AT_MOST_BYTES: Final = 1024
"""Pub/Sub's limits of attributes, of the name of one, and of its value; a message is kept within them on either."""


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


def described(attributes: Mapping[str, str], consumer: str, reason: str) -> dict[str, str]:
    """The attributes of a message in a dead topic: its own, who could not read it, and why."""
    some = list(attributes.items())[:ATTRIBUTES_AT_MOST]
    kept = {f"original-{name}"[:ATTRIBUTE_AT_MOST]: _bounded(value) for name, value in some}
    return {**kept, "dead-consumer": consumer, "dead-reason": _bounded(reason)}


def _bounded(text: str) -> str:
    return text.encode()[:ATTRIBUTE_AT_MOST_BYTES].decode(errors="ignore")
