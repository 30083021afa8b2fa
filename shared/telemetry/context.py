"""What travels with a request through every call and event that it causes."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from ulid import ULID

REQUEST_ID: Final = re.compile(r"[!-+\--~]{1,128}", re.ASCII)
"""What a caller's X-Request-Id may be, so that it can stand in every header, log and event: no two of them in one."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trail:
    """A request's id, its W3C traceparent where the caller sent one, and the network address that it came from.

    client: for limits alone; no event, log or answer carries it along.
    """

    request_id: str
    traceparent: str = ""
    client: str = ""


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


def follow(request_id: str | None, traceparent: str | None = None, client: str = "") -> Trail:
    """Take up a caller's trail, or begin one where what it sent is absent or malformed."""
    known = request_id if request_id and REQUEST_ID.fullmatch(request_id) else f"req_{str(ULID()).lower()}"
    traced = traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else ""
    trail = Trail(known, traced, client)
    _trail.set(trail)
    return trail


def trail() -> Trail:
    """The trail of what is being done; a new one where nothing began it."""
    return _trail.get() or follow(None)
