"""Spans: what took how long on behalf of a request, as parts of its trace (W3C Trace Context, OpenTelemetry's model).

    TRACES=cloud                      send the spans of sampled traces to Cloud Trace
    TRACES=/path                      write them into a folder, for `make trace`
    TRACES_SAMPLED_PER_MILLE=10       of the requests that begin here, so many of a thousand are sampled

Whether a trace is sampled is its parent's decision: it is in the traceparent that follows a request through calls,
events and webhooks. A stranger is no parent: of what comes from outside this is decided where it arrives. Of what is
not sampled a failure (5xx) is recorded all the same, as a single span.

A span that is recorded is a few values in a queue; a thread exports them (span_export.py), and only it loads
OpenTelemetry's SDK and Google's client, once there is something to export: neither requests nor cold starts wait for
it. What is not sampled costs a look at a flag.
"""

import random
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from types import TracebackType
from typing import Final, Literal, Self

import msgspec

from shared.config import Settings
from shared.telemetry.context import SAMPLED, TraceContext, enter, leave, trace_context

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | int | float | bool

WAITING_AT_MOST: Final = 20_000
"""How many spans wait to be exported; further ones push out the oldest."""


class FinishedSpan(msgspec.Struct, frozen=True, gc=False):
    """A span. Times are in nanoseconds since 1970. parent_id: empty for the first of a trace.

    Thousands wait to be exported; they refer to nothing that refers back, and the garbage collector leaves them alone.
    """

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    failed: bool = False
    attributes: Mapping[str, Attribute] = msgspec.field(default_factory=dict)


class SpanQueue:
    """The spans of this process that wait to be exported."""

    def __init__(self, sampled_per_mille: int) -> None:
        """sampled_per_mille: of the traces that begin here."""
        self.sampled_per_mille = sampled_per_mille
        self._waiting: deque[FinishedSpan] = deque(maxlen=WAITING_AT_MOST)
        self.some = threading.Event()
        """Set when a span is added."""

    def add(self, span: FinishedSpan) -> None:
        """Have a span exported."""
        self._waiting.append(span)
        if not self.some.is_set():
            self.some.set()

    def take(self) -> list[FinishedSpan]:
        """All that wait."""
        self.some.clear()
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken


_queue: SpanQueue | None = None
"""Where this process records spans; None where nothing is traced."""


def record_into(queue: SpanQueue | None) -> None:
    """Record this process's spans from now on, or no more."""
    global _queue  # noqa: PLW0603 - one per process
    _queue = queue


def configured(settings: Settings) -> SpanQueue | None:
    """The queue of a process that traces; None for one that does not."""
    return SpanQueue(settings.traces_sampled_per_mille) if settings.traces else None


def new_span_id() -> str:
    """A random span id."""
    return f"{random.getrandbits(64) or 1:016x}"


def begin_trace(*, foreign: bool = False, wanted: bool = True) -> None:
    """Decide whether the present request is traced, unless its caller has, or this process traces nothing.

    foreign: whether its caller is a stranger. Their decision does not count: it would have us record, and pay for,
    whatever they send (W3C Trace Context, 7.2). Their trace goes on, so that they find their request by its id.
    wanted: whether it may be sampled at all.
    """
    context = trace_context()
    if _queue is None or (not foreign if context.traceparent else not wanted):
        return
    sampled = wanted and random.random() * 1000 < _queue.sampled_per_mille  # noqa: S311 - sampling
    # Without a caller's trace its parent is a span that nobody records: the first span of a trace has none.
    trace_id = context.trace_id or f"{random.getrandbits(128) or 1:032x}"
    enter(_following(context, trace_id, context.span_id or NO_PARENT, sampled=sampled))


EDGE_BEGAN: Final = "X-Request-Start"
"""The header in which the local edge says when it received a request; it overwrites what a client sends."""

EDGE_TIME: Final = re.compile(r"[0-9]{10}\.[0-9]{3,9}", re.ASCII)
EDGE_AT_MOST: Final = 60_000_000_000
"""How long, in nanoseconds, an edge may have had a request."""

NO_PARENT: Final = "f" * 16
"""The span id in the traceparent of a trace that begins here."""


def _following(context: TraceContext, trace_id: str, span_id: str, *, sampled: bool) -> TraceContext:
    traceparent = f"00-{trace_id}-{span_id}-{SAMPLED if sampled else 0:02x}"
    return TraceContext(context.request_id, traceparent, context.client, context.user_id)


class Span:
    """A block that is a span of the present trace, if that is sampled; what it calls and records is under it.

        with Span("Supply.Reserve", "client"): ...

    An exception marks it as failed.
    """

    __slots__ = ("_attributes", "_id", "_kind", "_name", "_parent", "_start", "_token", "failed")

    def __init__(self, name: str, kind: Kind = "internal", attributes: Mapping[str, Attribute] | None = None) -> None:
        self._name = name
        self._kind: Kind = kind
        self._attributes = dict(attributes or {})
        self._id = ""
        self._parent: TraceContext | None = None
        self._token: Token[TraceContext | None] | None = None
        self._start = 0
        self.failed = False

    def note(self, name: str, value: Attribute) -> None:
        """Add an attribute, by OpenTelemetry's semantic conventions if they have it."""
        self._attributes[name] = value

    def record_alone(self) -> None:
        """Record this span, which has ended, if its trace is not sampled: a failure is recorded in any case."""
        context = trace_context()
        if _queue is not None and self._parent is None and context.traceparent:
            ids = context.trace_id, new_span_id(), parent_of(context)
            _queue.add(FinishedSpan(self._name, self._kind, *ids, self._start, time.time_ns(), True, self._attributes))

    def __enter__(self) -> Self:
        self._start = time.time_ns()
        if _queue is not None:
            context = trace_context()
            if context.sampled:
                self._parent = context
                self._id = new_span_id()
                self._token = enter(_following(context, context.trace_id, self._id, sampled=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        parent, token, queue = self._parent, self._token, _queue
        if parent is None or token is None:
            return
        leave(token)
        if queue is None:
            return
        queue.add(
            FinishedSpan(
                self._name,
                self._kind,
                parent.trace_id,
                self._id,
                parent_of(parent),
                self._start,
                time.time_ns(),
                self.failed or error is not None,
                self._attributes,
            )
        )


@contextmanager
def behind_edge(began: str | None) -> Iterator[None]:
    """A block that an edge has called: it is under a span of the edge, which began before.

    began: when the edge received the request, in seconds since 1970, as its header says; None without an edge.
    """
    context = trace_context()
    if _queue is None or not context.sampled or not began or not EDGE_TIME.fullmatch(began):
        yield
        return
    start, now = int(float(began) * 1e9), time.time_ns()
    span_id = new_span_id()
    token = enter(_following(context, context.trace_id, span_id, sampled=True))
    try:
        yield
    finally:
        leave(token)
        start = start if now - EDGE_AT_MOST < start <= now else now  # the clock of another machine may differ
        record(FinishedSpan("edge", "server", context.trace_id, span_id, parent_of(context), start, time.time_ns()))


def parent_of(context: TraceContext) -> str:
    """The id of the span that a context is in; empty at the beginning of a trace."""
    return "" if context.span_id == NO_PARENT else context.span_id


def record(span: FinishedSpan) -> None:
    """Record a span that was measured otherwise, such as the time that an event waited."""
    if _queue is not None:
        _queue.add(span)


def traced(traceparent: str) -> bool:
    """Whether this process records the spans of what carries a traceparent."""
    return _queue is not None and TraceContext("", traceparent).sampled
