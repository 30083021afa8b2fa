"""The headers of every response, most of them for browsers."""

from datetime import UTC, datetime, time
from email.utils import format_datetime
from functools import cache
from typing import Final

from shared.registry import Row, load

CONSISTENCY: Final = "X-Consistency"
"""On reads with a `consistency` parameter: how it was read; from a replica, with the most it can lag."""

CELLS_MISSING: Final = "X-Cells-Missing"
"""On lists of several cells that were asked for with `consistency=eventual`: the cells whose part is missing."""

ALLOW_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent"
)
"""Request headers that a script of another origin may send."""

EXPOSE_HEADERS: Final = (
    "Deprecation, ETag, Idempotent-Replayed, Link, RateLimit, RateLimit-Policy, Retry-After, Sunset, WWW-Authenticate, "
    "X-Cells-Missing, X-Consistency, X-Request-Id, X-Served-By"
)
"""Response headers that such a script may read besides the CORS-safelisted ones."""

ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
PREFLIGHT: Final = {"Access-Control-Allow-Headers": ALLOW_HEADERS, "Access-Control-Max-Age": "7200"}
"""The headers of a preflight's response besides ALLOW_METHODS."""

POLICY_HEADER: Final = "Content-Security-Policy"
POLICY: Final = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src data:"
"""For the reference, which has an inline script; it has no effect on JSON. No page may be framed."""

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{others}; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""For files, of which pages are made: no inline script, no text that becomes markup, nothing from or to elsewhere."""

LOOPBACK: Final = " http://127.0.0.1:*"
"""Where pages of the local stack may connect to besides: the console, to the control endpoint (emulators/control)."""


def page_policy(*, local: bool) -> str:
    """The policy of pages. local: whether they are the local stack's."""
    return PAGE_POLICY.format(others=LOOPBACK if local else "")


def deprecation(row: Row) -> dict[str, str]:
    """The headers of a deprecated route: since when (RFC 9745), until when (RFC 8594), and its successor."""
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
    """The headers of every response, including the edge's own.

    Any origin may call (Fetch, CORS): requests authenticate by a bearer token, which no browser adds by itself.
    """
    secure = public_url.startswith("https:")
    return {
        "X-Served-By": region,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        POLICY_HEADER: f"{POLICY}; frame-ancestors 'none'",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": EXPOSE_HEADERS,
        **({"Strict-Transport-Security": "max-age=63072000; includeSubDomains; preload"} if secure else {}),
    }
