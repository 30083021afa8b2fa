"""The responses of an operation: its successes, and every status that the checks can end in."""

from typing import Any, Final

from shared.contracts.problems import title_of
from shared.registry import Row
from shared.runtime.openapi.operations import WITH_BODY

PROBLEM: Final = {
    "title": "Problem",
    "description": "An RFC 9457 problem document.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "A URI for the kind of problem.", "examples": ["about:blank"]},
        "title": {"type": "string", "description": "The status in words.", "examples": ["Conflict"]},
        "status": {"type": "integer", "description": "The HTTP status.", "examples": [409]},
        "detail": {
            "type": "string",
            "description": "What is wrong with this request, as a sentence for a person.",
            "examples": ["sup_us_01kb9p2t6c4v8x1m5n7q3r0s9w has fewer than 2 left."],
        },
        "code": {
            "type": "string",
            "pattern": "^[A-Z0-9_]+$",
            "description": "The kind of problem, for a program; it stays the same.",
            "examples": ["SOLD_OUT"],
        },
        "request_id": {
            "type": "string",
            "description": "The same as in X-Request-Id: name it when asking for help.",
            "examples": ["req_01kb9p2t6c4v8x1m5n7q3r0s9w"],
        },
        "errors": {
            "type": "array",
            "description": "What is wrong with a malformed request (400), by field.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {
                        "type": "string",
                        "description": "The path in the body, the parameter or the header; empty for the whole body.",
                        "examples": ["items[0].quantity"],
                    },
                    "message": {
                        "type": "string",
                        "description": "What is wrong with it.",
                        "examples": ["a whole number from 1 to 1000000000"],
                    },
                },
                "required": ["field", "message"],
            },
        },
    },
}
STATUSES: Final = (400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 503)
ALWAYS: Final = ("X-Request-Id", "X-Served-By")
LIMITED: Final = ("RateLimit-Policy", "RateLimit")


def responses_of(row: Row, answer: dict[str, Any], *, repeatable: bool, tagged: bool) -> dict[str, Any]:
    """The success responses, and every status that the checks can end in."""
    writes, signed = row.method in WITH_BODY, row.scope != "public"
    possible = {
        401: signed or (writes and row.service == "identity"),
        403: signed and row.scope != "signed_in",
        404: bool(row.parameters) or (signed and writes) or row.scope == "signed_in",
        409: signed and row.method != "GET",
        412: bool(row.if_match),
        413: writes,
        415: writes,
        422: bool(row.idempotency),
        428: bool(row.if_match),
        429: bool(row.limit),
    }
    content = {"content": {row.media: {"schema": answer}}} if row.success != 204 else {}
    names = [*ALWAYS, *(LIMITED if row.limit else []), *(["Idempotent-Replayed"] if row.idempotency else [])]
    names += ["ETag"] if tagged else []
    names += ["Deprecation", "Sunset", "Link"] if row.deprecated else []
    names += ["X-Consistency"] if row.eventual else []
    success = {"headers": _headers(*names), **content}
    unchanged = {"description": title_of(304), "headers": _headers(*names)}
    return {
        **{
            str(s): {"description": title_of(s), **success}
            for s in sorted({row.success, 200} if repeatable else {row.success})
        },
        **({"304": unchanged} if tagged and row.method == "GET" else {}),
        **{str(s): {"$ref": f"#/components/responses/{s}"} for s in STATUSES if possible.get(s, True)},
    }


def problem(status: int) -> dict[str, Any]:
    more = {
        401: ["WWW-Authenticate"],
        409: ["Idempotent-Replayed", "Retry-After"],
        429: ["Retry-After"],
        503: ["Retry-After"],
    }
    return {
        "description": title_of(status),
        "headers": _headers(*ALWAYS, *LIMITED, *more.get(status, [])),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
