"""An event as its effect sees it: decoded, in its own trace, and under a span of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.contracts.events import Event, StoredEvent, decode_event
from shared.errors import Malformed
from shared.telemetry.context import bind
from shared.telemetry.spans import Span


class UndecodableEvent(Malformed):
    """The event does not match the contract of its type."""


@contextmanager
def effect_of(event: StoredEvent, consumer: str) -> Iterator[Event[Any]]:
    """A block that makes an event's effect for a consumer. Raises UndecodableEvent."""
    bind(event.metadata.get("request_id"), event.metadata.get("traceparent"))
    try:
        message = decode_event(event)
    except Malformed as error:
        raise UndecodableEvent(error.detail) from error
    with Span(consumer, "consumer", {"meridian.event": event.type, "messaging.message.id": event.id}):
        yield message
