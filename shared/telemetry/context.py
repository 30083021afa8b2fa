"""The trace context that follows a request through all the calls and events that it causes."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from ulid import ULID

REQUEST_ID: Final = re.compile(r"[!-+\--~]{1,128}", re.ASCII)
"""A valid X-Request-Id: safe in every header, log and event, and without a comma, so that it is a single value."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A request's id, its W3C traceparent if the caller sent one, and the network address that it came from.

    client: only for rate limits; it is not put into events, logs or responses.
    """

    request_id: str
    traceparent: str = ""
    client: str = ""


_bound: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


def bind(request_id: str | None, traceparent: str | None = None, client: str = "") -> TraceContext:
    """Bind a caller's trace context; absent or malformed parts are replaced."""
    known = request_id if request_id and REQUEST_ID.fullmatch(request_id) else f"req_{str(ULID()).lower()}"
    traced = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else ""
    bound = TraceContext(known, traced, client)
    _bound.set(bound)
    return bound


def trace_context() -> TraceContext:
    """The current trace context; a new one if none was bound."""
    return _bound.get() or bind(None)
