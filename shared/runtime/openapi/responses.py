"""The responses of an operation: its successes, and every problem that it can end in, by status."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from shared.contracts.fields import example_id
from shared.contracts.problems import title_of, type_of
from shared.registry import Row
from shared.runtime.openapi.errors import Kind, response_text
from shared.runtime.openapi.schemas import Schema, reference

PROBLEM: Final = {
    "title": "Problem",
    "description": "An RFC 9457 problem document.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Where this reference explains the kind of problem.",
            "examples": [type_of("SOLD_OUT", "http://127.0.0.1:8080")],
        },
        "title": {"type": "string", "description": "The status in words.", "examples": ["Conflict"]},
        "status": {"type": "integer", "description": "The HTTP status.", "examples": [409]},
        "detail": {
            "type": "string",
            "description": "What is wrong with this request, as a sentence for a person.",
            "examples": ["sup_us_01kb9p2t6c4v8x1m5n7q3r0s9w has fewer than 2 left."],
        },
        "code": {**reference("ErrorCode"), "description": "The kind of problem, for a program."},
        "request_id": {
            "type": "string",
            "description": "The same as in X-Request-Id: name it when asking for help.",
            "examples": ["req_01kb9p2t6c4v8x1m5n7q3r0s9w"],
        },
        "errors": {
            "type": "array",
            "description": "What is wrong with a malformed request (400, 428): every field.",
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
                        "description": "What is wrong with it, as what follows its name in a sentence.",
                        "examples": ["must be at least 1"],
                    },
                },
                "required": ["field", "message"],
            },
        },
        "order_id": {
            "type": "string",
            "description": "The order that was refused and is kept, or whose outcome is not known yet.",
            "examples": [example_id("ord")],
        },
        "cell": {
            "type": "string",
            "description": "The cell that cannot be reached (`CELL_UNREACHABLE`), or that may have done it.",
            "examples": ["eu"],
        },
        "dependencies": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The state of each dependency by its name (`NOT_READY`).",
            "examples": [{"redis": "down"}],
        },
        "breakers": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "The state of each circuit breaker by its name (`NOT_READY`).",
            "examples": [{"redis": "open"}],
        },
    },
}
ALWAYS: Final = ("X-Request-Id", "X-Served-By")
LIMITED: Final = ("RateLimit-Policy", "RateLimit")

Problems = dict[int, list[Kind]]


def responses_of(row: Row, answer: Schema, problems: Problems, *, repeatable: bool, tagged: bool) -> Schema:
    """The successes of a row, and what else it can end in. answer: the schema of a success."""
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
        **{str(status): problem(status, kinds) for status, kinds in problems.items()},
    }


def problem(status: int, kinds: list[Kind]) -> Schema:
    """A refusal by this status, with the codes that it may have."""
    more = {
        401: ["WWW-Authenticate"],
        403: ["WWW-Authenticate"],
        409: ["Idempotent-Replayed", "Retry-After"],
        429: ["Retry-After"],
        503: ["Retry-After"],
    }
    codes = {
        "type": "object",
        "properties": {"code": {"enum": [kind.code for kind in kinds], "description": "Which of these."}},
    }
    schema = {"allOf": [reference("Problem"), codes]}
    return {
        "description": response_text(status, kinds),
        "headers": _headers(*ALWAYS, *LIMITED, *more.get(status, [])),
        "content": {"application/problem+json": {"schema": schema}},
    }


def shared_responses(responses: Iterable[Schema]) -> dict[str, Schema]:
    """Take what many operations have in common out of their responses: for each status the most frequent refusal.

    responses: of each operation; references take the place of what is taken out. Returns the refusals by status.
    """
    made = list(responses)
    common: dict[str, Schema] = {}
    for status in sorted({status for each in made for status in each if status >= "4"}):
        variants = [each[status] for each in made if status in each]
        (most, count), *_ = Counter(map(repr, variants)).most_common(1)
        if count > 1:
            common[status] = next(each for each in variants if repr(each) == most)
    for each in made:
        for status in each.keys() & common.keys():
            if each[status] == common[status]:
                each[status] = {"$ref": f"#/components/responses/{status}"}
    return common


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
