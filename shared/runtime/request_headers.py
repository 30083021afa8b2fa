"""Reads request headers. A single-valued header that is sent twice is refused, never folded.

WSGI (PEP 3333) and proxies join repeated headers by commas (RFC 9110, 5.2). No valid value of the headers below has a
comma, so a comma means that there were several. If-Match and If-None-Match are lists, and read by tags.py.
"""

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from shared.auth.token_errors import NotBearer, TokenMissing
from shared.errors import DuplicateHeader, KeyMalformed, KeyRequired
from shared.registry import Row

if TYPE_CHECKING:
    import flask

HOST: Final = frozenset({"host"})
"""With two hosts it is ambiguous which one is meant, whatever the path (RFC 9112, 3.2)."""

SINGLE: Final = frozenset(
    {"authorization", "content-length", "content-type", "traceparent", "x-internal-token", "x-request-id"}
)
"""The single-valued headers that every function reads, in lower case."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

_KEY: Final = re.compile(r"[!-+\--~]{16,255}", re.ASCII)


def single_headers(row: Row) -> frozenset[str]:
    """The single-valued headers that a route reads; the idempotency key only where the row requires one."""
    return SINGLE | ({IDEMPOTENCY_KEY.lower()} if row.idempotency else frozenset())


def refuse_repeated(headers: Iterable[tuple[str, str]], single: Collection[str]) -> None:
    """Refuse repeated single-valued headers (or gRPC metadata).

    single: the headers' names, in lower case. Raises DuplicateHeader, naming the header.
    """
    seen: set[str] = set()
    for name, value in headers:
        lowered = name.lower()
        if lowered in single and (lowered in seen or "," in value):
            raise DuplicateHeader(field=name)
        seen.add(lowered)


def bearer_token(request: "flask.Request") -> str:
    """The token in `Authorization: Bearer` (RFC 6750, 2.1). Raises TokenMissing without the header, else NotBearer."""
    header = request.headers.get("Authorization")
    if header is None:
        raise TokenMissing
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotBearer
    return token


def idempotency_key(request: "flask.Request") -> str:
    """The idempotency key. Raises KeyRequired without one, KeyMalformed for an invalid one."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        raise KeyRequired(field=IDEMPOTENCY_KEY)
    if not _KEY.fullmatch(key):
        raise KeyMalformed(field=IDEMPOTENCY_KEY)
    return key
