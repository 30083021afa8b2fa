"""The headers that every answer carries, for browsers above all."""

from datetime import UTC, datetime, time
from email.utils import format_datetime
from functools import cache
from typing import Final

from shared.registry import Row, load

CONSISTENCY: Final = "X-Consistency"
"""Says of a read that was asked for its consistency how it was read; from a replica, with how old it is at most."""

ASKED: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent"
"""What a script of another origin may send."""

TOLD: Final = (
    "Deprecation, ETag, Idempotent-Replayed, Link, RateLimit, RateLimit-Policy, Retry-After, Sunset, WWW-Authenticate, "
    "X-Consistency, X-Request-Id, X-Served-By"
)
"""What it may read besides the headers that it always may."""

ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
PREFLIGHT: Final = {"Access-Control-Allow-Headers": ASKED, "Access-Control-Max-Age": "7200"}
"""What a preflight is told, beside ALLOW_METHODS."""

POLICY: Final = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src data:"
"""For the one page there is, which carries its own script; to JSON it says nothing. None may stand in a frame."""


def deprecation(row: Row) -> dict[str, str]:
    """What every answer of a deprecated route tells: since when (RFC 9745), until when (RFC 8594), and what to use."""
    if row.deprecated is None:
        return {}
    since, sunset = (datetime.combine(day, time.min, UTC) for day in (row.deprecated.since, row.deprecated.sunset))
    return {
        "Deprecation": f"@{since.timestamp():.0f}",
        "Sunset": format_datetime(sunset, usegmt=True),
        "Link": f'<{load().rows[row.deprecated.successor].path}>; rel="successor-version"',
    }


@cache
def common(region: str, public_url: str) -> dict[str, str]:
    """The headers of every answer, the edge's own included.

    Any origin may ask (Fetch, CORS): a request proves itself with a bearer token, which no browser adds by itself.
    """
    secure = public_url.startswith("https:")
    return {
        "X-Served-By": region,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": TOLD,
        **({"Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload"} if secure else {}),
    }
