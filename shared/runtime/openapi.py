"""Generates the OpenAPI 3.1 document of the whole system from registry rows and types, so it cannot drift from them."""

import inspect
import json
import re
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import msgspec

from shared import ids
from shared.contracts.operations import Request
from shared.contracts.problems import title_of
from shared.money import Amount, SignedAmount
from shared.registry import Registry, Row
from shared.runtime.binding import tagged as is_tagged
from shared.runtime.binding import view_type

AMOUNT: Final = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,77})$", "examples": ["1500000"]}
SIGNED_AMOUNT: Final = {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,77})$", "examples": ["-1500000"]}
PROBLEM: Final = {
    "title": "Problem",
    "description": "An RFC 9457 problem document.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "pattern": "^[A-Z0-9_]+$"},
        "request_id": {"type": "string", "description": "The same as in X-Request-Id."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
    },
}
KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": r"^[!-+\--~]+$"},
}
IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version to change, or `*` for any.",
    "schema": {"type": "string", "examples": ['"1"']},
}
IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Known ETags: the answer is 304 if one of them is current.",
    "schema": {"type": "string", "examples": ['"1"']},
}
CONSISTENCY: Final[dict[str, Any]] = {
    "name": "consistency",
    "in": "query",
    "description": "`eventual` may be read from a replica; X-Consistency says by how much it may lag.",
    "schema": {"enum": ["strong", "eventual"], "default": "strong"},
}
HEADERS: Final = {
    "X-Request-Id": {
        "required": True,
        "description": "The caller's, or a generated one.",
        "schema": {"type": "string"},
    },
    "X-Served-By": {"required": True, "description": "The region that answered.", "schema": {"type": "string"}},
    "X-Consistency": {
        "description": "How this was read, if `consistency` was given; from a replica, by how many seconds it may lag.",
        "schema": {"type": "string", "pattern": r"^strong$|^eventual; lag=[0-9]+\.[0-9]{3}$"},
    },
    "Idempotent-Replayed": {
        "description": "This is the response to an earlier request with the same key.",
        "schema": {"const": "true"},
    },
    "ETag": {"description": "The version of the resource.", "schema": {"type": "string", "pattern": '^".+"$'}},
    "RateLimit-Policy": {
        "description": "The quotas of the user, the Ethereum address, the network address: q requests in w seconds.",
        "schema": {"type": "string", "examples": ['"ip";q=5000;w=3, "user";q=500;w=3']},
    },
    "RateLimit": {
        "description": "The remaining requests of each quota (r), and in how many seconds it is full again (t).",
        "schema": {"type": "string", "examples": ['"ip";r=4999;t=1, "user";r=499;t=1']},
    },
    "Deprecation": {
        "description": "Since when this route is deprecated, in Unix time (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$", "examples": ["@1795392000"]},
    },
    "Sunset": {
        "description": "From when on this route may be removed (RFC 8594).",
        "schema": {"type": "string", "examples": ["Thu, 23 Nov 2028 00:00:00 GMT"]},
    },
    "Link": {"description": "The route that replaces it (RFC 8288).", "schema": {"type": "string"}},
    "Retry-After": {"description": "The seconds to wait before a retry.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"schema": {"type": "string"}},
}
ABOUT: Final = """Money is a decimal string of atomic units, times are RFC 3339 in UTC, ids are opaque.
Every failure is an RFC 9457 problem document, including a wrong path (404) or method (405).
Fields of a body that are not described here, and query parameters, are refused with 400."""
STATUSES: Final = (400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 503)
ALWAYS: Final = ("X-Request-Id", "X-Served-By")
LIMITED: Final = ("RateLimit-Policy", "RateLimit")
JSON: Final = {"type": "object"}
TEXT: Final = {"type": "string"}
"""The schemas of responses that have no view type."""

WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def document(registry: Registry, module_of: Callable[[Row], ModuleType]) -> str:
    """The document as JSON text.

    module_of: loads the module of a row's operation.
    """
    functions = {row.name: getattr(module_of(row), row.name) for row in registry.http_rows()}
    hints = {name: typing.get_type_hints(function) for name, function in functions.items()}
    types = {name: (hint.get("request", Request), view_type(hint["return"])) for name, hint in hints.items()}
    types_shown = [kind for pair in types.values() for kind in pair if kind not in (type(None), msgspec.Raw, bytes)]
    schemas, components = msgspec.json.schema_components(
        types_shown, schema_hook=_amount, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(types_shown, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in registry.http_rows():
        request, answer = types[row.name]
        repeatable = answer is not hints[row.name]["return"]
        success = schema_of.get(answer, JSON if row.media == "application/json" else TEXT)
        operation = {
            **_about(row, module_of(row), functions[row.name]),
            **_input(row, components[request.__name__], tagged=is_tagged(answer)),
            "responses": _responses(row, success, repeatable=repeatable, tagged=is_tagged(answer)),
        }
        paths.setdefault(row.path, {})[row.method.lower()] = operation
    requests = {request.__name__ for request, _ in types.values()}
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Meridian",
                "version": "1",
                "summary": "A Web3 shop that sells limited supply for crypto, in three regions at once.",
                "description": ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "paths": paths,
            "components": {
                "schemas": {
                    **{name: schema for name, schema in sorted(components.items()) if name not in requests},
                    "Problem": PROBLEM,
                },
                "responses": {str(status): _problem(status) for status in STATUSES},
                "headers": HEADERS,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        },
        indent=1,
    )


def _about(row: Row, module: ModuleType, function: Callable[..., Any]) -> dict[str, Any]:
    """What an operation does, from its module's and function's docstrings; who may call it."""
    # What it raises is in its responses.
    description = re.sub(r"\s*\bRaises\b.*", "", inspect.getdoc(function) or "", flags=re.DOTALL)
    scope = {} if row.scope in ("public", "signed_in") else {"x-scope": row.scope}
    return {
        "operationId": row.name,
        "summary": (inspect.getdoc(module) or row.name).splitlines()[0],
        **({"description": description} if description else {}),
        **({"deprecated": True} if row.deprecated else {}),
        "tags": [row.service],
        "security": [] if row.scope == "public" else [{"token": []}],
        **scope,
    }


def _input(row: Row, fields: dict[str, Any], *, tagged: bool) -> dict[str, Any]:
    """The parameters and the body: fields that are not in the path go into the body or, without one, the query."""
    properties, required = fields["properties"], fields.get("required", [])
    rest = {name: schema for name, schema in properties.items() if name not in row.parameters}
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _identified(name, properties[name])}
        for name in row.parameters
    ]
    if row.idempotency:
        parameters.append(KEY)
    if row.if_match:
        parameters.append(IF_MATCH)
    if tagged and row.method == "GET":
        parameters.append(IF_NONE_MATCH)
    body = {}
    if row.eventual:
        parameters.append(CONSISTENCY)
    if row.method not in WITH_BODY:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": _given(schema)}
            for name, schema in rest.items()
        ]
    elif rest:
        described = {
            "type": "object",
            "properties": rest,
            "required": [name for name in required if name in rest],
            "additionalProperties": False,
        }
        body = {"requestBody": {"required": True, "content": {"application/json": {"schema": described}}}}
    return {**({"parameters": parameters} if parameters else {}), **body}


def _identified(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The pattern of an id in a path; anything else is answered 404."""
    known = {kind: prefix for prefix, kind in ids.PREFIXES.items()}
    prefix = known.get(name.removesuffix("_id").replace("_", " "))
    return {**schema, "pattern": ids.pattern(prefix)} if prefix else schema


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter, which is absent instead of null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**choices[0], **rest} if len(choices) == 1 else schema


def _responses(row: Row, answer: dict[str, Any], *, repeatable: bool, tagged: bool) -> dict[str, Any]:
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


def _problem(status: int) -> dict[str, Any]:
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


def _amount(types_shown: type[Any]) -> dict[str, Any]:
    """The JSON schema of the project's own types. Raises NotImplementedError for one without a schema."""
    if types_shown is Amount:
        return dict(AMOUNT)
    if types_shown is SignedAmount:
        return dict(SIGNED_AMOUNT)
    raise NotImplementedError(types_shown)
