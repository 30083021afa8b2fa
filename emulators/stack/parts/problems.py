"""The edge's own responses in the contract's form: problem+json with a code and the request's id.

Without this Envoy would respond in plain text, with statuses that the contract does not have.
"""

from typing import Any, Final

from shared import errors
from shared.contracts import edge_errors
from shared.contracts.problems import title_of, type_of
from shared.runtime.responses.headers import common
from shared.telemetry.context import REQUEST_ID

PROBLEMS: Final[dict[int, errors.MeridianError]] = {
    400: edge_errors.MalformedHttp(),
    403: edge_errors.UpgradeRefused(),
    404: errors.RouteNotFound(),
    408: edge_errors.RequestTimeout(),
    413: errors.TooLarge(),
    426: edge_errors.UpgradeRequired(),
    429: errors.Limited(),
    431: edge_errors.HeadersTooLarge(),
    500: errors.Unavailable(),
    501: edge_errors.MalformedHttp(),
    502: errors.Unavailable(),
    503: errors.Unavailable(),
    504: errors.OutcomeUnknown("No answer came in time: the same request tells whether it took effect."),
}
"""Envoy's own responses by status."""

CONTRACT_STATUS: Final = {500: 503, 501: 400, 502: 503, 504: 503}
"""The statuses that the contract does not have, and what replaces them. 501 is for an unknown transfer coding."""

RECEIVED_ID: Final = "%REQ(X-REQUEST-ID)%"
GENERATED_ID: Final = "req_%START_TIME(%s%9f)%"
"""For a request that Envoy cannot parse, or whose own id is malformed: the time in nanoseconds, because an id generated
by Envoy would differ between header and body."""


def mappers(region: str, public_url: str) -> list[dict[str, Any]]:
    """The mappers of Envoy's local_reply_config.

    region: the edge's, which responses name as the serving one.
    """
    headers = common(region, public_url)
    return [mapper for status in PROBLEMS for mapper in _mappers(status, headers, public_url)]


def _mappers(status: int, headers: dict[str, str], site: str) -> list[dict[str, Any]]:
    """The mappers of one status: with the request's id if it has a valid one, else with a generated one."""
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
        {"filter": {"and_filter": {"filters": [is_status, has_id]}}, **_problem(status, headers, site, RECEIVED_ID)},
        {"filter": is_status, **_problem(status, headers, site, GENERATED_ID)},
    ]


def _problem(status: int, shared_headers: dict[str, str], site: str, request_id: str) -> dict[str, Any]:
    status_code = CONTRACT_STATUS.get(status, status)
    error = PROBLEMS[status]
    body = {
        "type": type_of(error.code, site),
        "title": title_of(status_code),
        "status": status_code,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    headers = {**shared_headers, "X-Request-Id": request_id, "Cache-Control": "no-store"}
    if status_code in (429, 503):
        headers["Retry-After"] = "1"
    return {
        "status_code": status_code,
        "body_format_override": {"json_format": body, "content_type": "application/problem+json"},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers.items()
        ],
    }
