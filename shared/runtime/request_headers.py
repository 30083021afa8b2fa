"""What requests say in their headers. One that has a single value and is sent twice is refused, never folded.

WSGI (PEP 3333) and proxies show equal names as one value, joined by commas (RFC 9110, 5.2). No value that counts here
has a comma, so a comma says that there were several. If-Match and If-None-Match are lists, and read by tags.py.
"""

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from shared.errors import DuplicateHeader, KeyMalformed, KeyRequired, Unauthenticated
from shared.registry import Row

if TYPE_CHECKING:
    import flask

HOST: Final = frozenset({"host"})
"""Of two hosts nobody can tell which one is meant, whatever the path (RFC 9112, 3.2)."""

SINGLE: Final = frozenset(
    {"authorization", "content-length", "content-type", "traceparent", "x-internal-token", "x-request-id"}
)
"""The headers with one value that every function heeds, in lower case."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

_KEY: Final = re.compile(r"[!-+\--~]{16,255}", re.ASCII)


def single_headers(row: Row) -> frozenset[str]:
    """The headers with one value that a route heeds. The idempotency key is nothing where none is wanted."""
    return SINGLE | ({IDEMPOTENCY_KEY.lower()} if row.idempotency else frozenset())


def refuse_repeated(headers: Iterable[tuple[str, str]], single: Collection[str]) -> None:
    """Refuse what was sent more than once of headers (or gRPC's metadata) that have one value.

    single: their names, in lower case. Raises DuplicateHeader, naming the header.
    """
    seen: set[str] = set()
    for name, value in headers:
        lowered = name.lower()
        if lowered in single and (lowered in seen or "," in value):
            raise DuplicateHeader(field=name)
        seen.add(lowered)


def bearer_token(request: "flask.Request") -> str:
    """The token of `Authorization: Bearer` (RFC 6750, 2.1). Raises Unauthenticated without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token


def idempotency_key(request: "flask.Request") -> str:
    """The idempotency key. Raises KeyRequired without one, KeyMalformed for what is none."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        raise KeyRequired(field=IDEMPOTENCY_KEY)
    if not _KEY.fullmatch(key):
        raise KeyMalformed(field=IDEMPOTENCY_KEY)
    return key
