"""The names of topics, subscriptions and groups, and the attributes of dead-lettered messages, on either transport."""

from collections.abc import Mapping
from typing import Final

ATTRIBUTES_AT_MOST: Final = 90
ATTRIBUTE_AT_MOST: Final = 256
ATTRIBUTE_AT_MOST_BYTES: Final = 1024
"""Pub/Sub's limits of the number of attributes, a name's length and a value's; applied on either transport."""


def topic_name(topic: str, cell: str, receiver: str | None = None) -> str:
    """The name of the topic that a cell publishes to. receiver: of a row's topic, the cell that receives it.

    A cell has topics of its own: it publishes in one region at a time, and order is only guaranteed among publishes in
    one region. They are not named by the region, so that a cell goes on with them where it is promoted.
    """
    return f"{topic}-{_flow(receiver or cell, cell)}"


def row_topic(topic: str, row: str) -> str:
    """The topic on Pub/Sub of those events of a topic that a row handles, in one cell.

    Not a filter on the subscription: filters cannot be changed, what they drop is billed, the emulator ignores them.
    """
    return f"{topic}.{row}"


def dead_topic(topic: str) -> str:
    """The dead-letter topic of a topic, for messages that cannot be decoded."""
    return f"{topic}-dead"


def subscription_name(row: str, topic: str, cell: str, source: str | None = None) -> str:
    """The name of a consumer's subscription to one of its topics in a cell.

    source: the cell whose topic it is, if it is another one. Each cell has a subscription of its own, so that what one
    of them cannot receive waits for that one alone.
    """
    return f"{row}-{topic}-{_flow(cell, source)}"


def group_name(row: str, cell: str, source: str | None = None) -> str:
    """The name of a consumer's group in a cell. source: the cell whose cluster it reads, if it is another one."""
    return f"{row}-{_flow(cell, source)}"


def _flow(cell: str, source: str | None) -> str:
    return cell if source in (None, cell) else f"{source}-to-{cell}"


def dead_letter_attributes(attributes: Mapping[str, str], consumer: str, reason: str) -> dict[str, str]:
    """The attributes of a dead-lettered message: its own, the consumer, and the reason."""
    first = list(attributes.items())[:ATTRIBUTES_AT_MOST]
    original = {f"original-{name}"[:ATTRIBUTE_AT_MOST]: _bounded(value) for name, value in first}
    return {**original, "dead-consumer": consumer, "dead-reason": _bounded(reason)}


def _bounded(text: str) -> str:
    return text.encode()[:ATTRIBUTE_AT_MOST_BYTES].decode(errors="ignore")
