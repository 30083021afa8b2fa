"""What a relay counts of the events that it has published: how many of each type, and how long after the beginning.

Of one stream an event is counted by the one relay that leads; one that is published twice is counted twice.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from shared import ids
from shared.contracts.events import StoredEvent
from shared.telemetry import spans
from shared.telemetry.context import TraceContext
from shared.telemetry.metrics import PUBLISHED, STAGE

PARENT: Final = "parent_span"
"""In the metadata of an event on its way, the span in which it was recorded, beneath which it waited."""


def under_way(event: StoredEvent) -> StoredEvent:
    """An event as it is published: what it causes is under the span of its wait, if its trace is sampled."""
    traceparent = str(event.metadata.get("traceparent", ""))
    if not spans.traced(traceparent):
        return event
    own = f"{traceparent[:36]}{spans.new_span_id()}{traceparent[52:]}"
    metadata = {**event.metadata, "traceparent": own, PARENT: traceparent[36:52]}
    return msgspec.structs.replace(event, metadata=metadata)


def note_published(events: Sequence[StoredEvent]) -> None:
    """Count published events, and how long after the beginning of its stream each was recorded; record their waits."""
    for event_type, count in Counter(event.type for event in events).items():
        PUBLISHED.labels(event_type).inc(count)
    for event in events:
        if PARENT in event.metadata:
            _record_wait(event)
        if ids.known(event.stream):  # others, such as streams between cells, have no beginning in their id
            began = ids.created_at(event.stream)
            STAGE.labels(event.type).observe(max(0.0, event.at.timestamp() - began.timestamp()))


def _record_wait(event: StoredEvent) -> None:
    """Record the span of an event's wait in the outbox, from when it was recorded until it was published."""
    context = TraceContext("", event.metadata["traceparent"])
    began, attributes = (
        int(event.at.timestamp() * 1e9),
        {"messaging.message.id": event.id, "meridian.stream": event.stream},
    )
    span = spans.FinishedSpan(
        f"outbox {event.type}",
        "producer",
        context.trace_id,
        context.span_id,
        event.metadata[PARENT],
        began,
        max(began, time.time_ns()),
        attributes=attributes,
    )
    spans.record(span)
