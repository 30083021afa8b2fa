"""What the edge answers itself, as the contract has it: problem+json, with a code, and the request's id.

Without this Envoy would answer in plain text, with statuses that the contract does not have.
"""

from typing import Any, Final

from shared.contracts.problems import title_of
from shared.runtime.headers import common
from shared.telemetry.context import REQUEST_ID

_DOWN: Final = ("UNAVAILABLE", "Something that this needs is down for the moment.")

_INVALID: Final = ("MALFORMED_REQUEST", "The request is not valid HTTP.")

PROBLEMS: Final = {
    400: _INVALID,
    403: ("UPGRADE_REFUSED", "The connection cannot be upgraded."),
    404: ("ROUTE_NOT_FOUND", "There is nothing at this path."),
    408: ("REQUEST_TIMEOUT", "The request did not arrive in time."),
    413: ("BODY_TOO_LARGE", "The body is larger than 256 KiB."),
    426: ("UPGRADE_REQUIRED", "Another version of HTTP is needed."),
    429: ("RATE_LIMITED", "Too many requests from this network address."),
    431: ("HEADERS_TOO_LARGE", "The headers are larger than 60 KiB."),
    500: _DOWN,
    501: _INVALID,
    502: _DOWN,
    503: _DOWN,
    504: ("OUTCOME_UNKNOWN", "No answer came in time: the same request tells whether it took effect."),
}
"""What Envoy answers itself, by its status: code and detail."""

TOLD: Final = {500: 503, 501: 400, 502: 503, 504: 503}
"""The statuses that the contract does not have, and how they are told. 501 is for an unknown transfer coding."""

KEPT_ID: Final = "%REQ(X-REQUEST-ID)%"
MADE_ID: Final = "req_%START_TIME(%s%9f)%"
"""A request that Envoy cannot even read has got no id by then, and a malformed one is not given back. This one tells
the time, in nanoseconds, because Envoy's own would be another one in the header than in the body."""


def mappers(region: str, public_url: str) -> list[dict[str, Any]]:
    """Envoy's local_reply_config: how each answer of its own is told.

    region: where the edge stands, which an answer says that it was served by.
    """
    headers = common(region, public_url)
    return [mapper for status in PROBLEMS for mapper in _mappers(status, headers)]


def _mappers(status: int, headers: dict[str, str]) -> list[dict[str, Any]]:
    """How an answer of Envoy's own is told: with the request's id where it has a good one, else with a made one."""
    is_status = {
        "status_code_filter": {
            "comparison": {"op": "EQ", "value": {"default_value": status, "runtime_key": f"status_{status}"}}
        }
    }
    has_id = {
        "header_filter": {
            "header": {"name": "x-request-id", "string_match": {"safe_regex": {"regex": REQUEST_ID.pattern}}}
        }
    }
    return [
        {"filter": {"and_filter": {"filters": [is_status, has_id]}}, **_problem(status, headers, KEPT_ID)},
        {"filter": is_status, **_problem(status, headers, MADE_ID)},
    ]


def _problem(status: int, shared_headers: dict[str, str], request_id: str) -> dict[str, Any]:
    told = TOLD.get(status, status)
    code, detail = PROBLEMS[status]
    body = {
        "type": "about:blank",
        "title": title_of(told),
        "status": told,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    headers = {**shared_headers, "X-Request-Id": request_id, "Cache-Control": "no-store"}
    if told in (429, 503):
        headers["Retry-After"] = "1"
    return {
        "status_code": told,
        "body_format_override": {"json_format": body, "content_type": "application/problem+json"},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }
