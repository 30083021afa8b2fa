"""The trace context that follows a request through all the calls and events that it causes."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import Final

import msgspec
from ulid import ULID

REQUEST_ID: Final = re.compile(r"[!-+\--~]{1,128}", re.ASCII)
"""A valid X-Request-Id: safe in every header, log and event, and without a comma, so that it is a single value."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
SAMPLED: Final = 1
"""The flag of a traceparent that says that its spans are recorded (W3C Trace Context, 3.2.2.5)."""


class TraceContext(msgspec.Struct, frozen=True, gc=False):
    """A request's id, its W3C traceparent if it is part of a trace, where it came from, and who sent it.

    client: the network address, only for rate limits; it is not put into events, logs or responses.
    user_id: the account of an authenticated request, for this process's logs.
    """

    request_id: str
    traceparent: str = ""
    client: str = ""
    user_id: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The header by which whoever is called goes on with the trace; none outside of one."""
        return {"Traceparent": self.traceparent} if self.traceparent else {}

    @property
    def trace_id(self) -> str:
        """The id of the trace, 32 hexadecimal digits; empty outside of one."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The id of the present span, 16 hexadecimal digits; empty outside of a trace."""
        return self.traceparent[36:52]

    @property
    def sampled(self) -> bool:
        """Whether the spans of its trace are recorded."""
        return bool(self.traceparent) and bool(int(self.traceparent[53:], 16) & SAMPLED)


_bound: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


def bind(request_id: str | None, traceparent: str | None = None, client: str = "") -> TraceContext:
    """Bind a caller's trace context; absent or malformed parts are replaced."""
    known = request_id if request_id and REQUEST_ID.fullmatch(request_id) else f"req_{str(ULID()).lower()}"
    traced = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else ""
    bound = TraceContext(known, traced, client)
    _bound.set(bound)
    return bound


def bind_user(user_id: str) -> None:
    """Note who sent the present request."""
    _bound.set(msgspec.structs.replace(trace_context(), user_id=user_id))


_attributed: ContextVar[Mapping[str, TraceContext]] = ContextVar("attributed", default=MappingProxyType({}))


@contextmanager
def attributing(contexts: Mapping[str, TraceContext]) -> Iterator[None]:
    """A block that works for several requests at once. contexts: whose each entity is, by its id or a sibling's."""
    token = _attributed.set({_family(name): context for name, context in contexts.items()})
    try:
        yield
    finally:
        _attributed.reset(token)


def context_of(entity: str) -> TraceContext:
    """The context of the request that an entity is of: the present one, unless several are worked for at once."""
    return _attributed.get().get(_family(entity)) or trace_context()


def _family(entity: str) -> str:
    """What an id shares with its siblings (shared.ids.sibling): an order's with those of its hold and its claim."""
    return entity.partition("_")[2]


def enter(context: TraceContext) -> Token[TraceContext | None]:
    """Go on in a context, until `leave` is called with what this returns."""
    return _bound.set(context)


def leave(token: Token[TraceContext | None]) -> None:
    """Go back to the context before `enter`."""
    _bound.reset(token)


def trace_context() -> TraceContext:
    """The current trace context; a new one if none was bound."""
    return _bound.get() or bind(None)
