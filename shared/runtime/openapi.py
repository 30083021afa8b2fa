"""The OpenAPI 3.1 document of the whole system, made of rows and types: what is served is what is described."""

import inspect
import json
import typing
from collections.abc import Callable
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final

import msgspec

from shared.contracts.operations import Repeated, Request
from shared.money import Amount, SignedAmount
from shared.registry import Registry, Row

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
        "request_id": {"type": "string"},
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
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]+$"},
}
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def document(registry: Registry, module_of: Callable[[Row], ModuleType]) -> str:
    """The document as JSON text.

    module_of: loads the module of a row's operation.
    """
    functions = {row.name: getattr(module_of(row), row.name) for row in registry.http_rows()}
    hints = {name: typing.get_type_hints(function) for name, function in functions.items()}
    types = {name: (hint.get("request", Request), _answered(hint["return"])) for name, hint in hints.items()}
    wanted = [kind for pair in types.values() for kind in pair if kind not in (type(None), msgspec.Raw)]
    schemas, components = msgspec.json.schema_components(
        wanted, schema_hook=_amount, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(wanted, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in registry.http_rows():
        request, answer = types[row.name]
        about = inspect.getdoc(functions[row.name]) or row.name
        repeatable = answer is not hints[row.name]["return"]
        fields = components[request.__name__]
        operation = _operation(row, about, fields, schema_of.get(answer), repeatable=repeatable)
        paths.setdefault(row.path, {})[row.method.lower()] = operation
    requests = {request.__name__ for request, _ in types.values()}
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Meridian",
                "version": "1",
                "summary": "A Web3 shop that sells limited supply for crypto, in three regions at once.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "paths": paths,
            "components": {
                "schemas": {
                    **{name: schema for name, schema in sorted(components.items()) if name not in requests},
                    "Problem": PROBLEM,
                },
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        },
        indent=1,
    )


def _operation(row: Row, about: str, fields: dict[str, Any], answer: Any, *, repeatable: bool) -> dict[str, Any]:
    properties, required = fields["properties"], fields.get("required", [])
    parameters = [{"name": name, "in": "path", "required": True, "schema": properties[name]} for name in row.parameters]
    rest = {name: schema for name, schema in properties.items() if name not in row.parameters}
    described: dict[str, Any] = {
        "operationId": row.name,
        "summary": about.splitlines()[0],
        "tags": [row.service],
        "responses": _responses(row, answer, with_input=bool(properties), repeatable=repeatable),
        "security": [] if row.scope == "public" else [{"token": []}],
    }
    if row.scope not in ("public", "signed_in"):
        described["x-scope"] = row.scope
    if row.method not in WITH_BODY:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in rest.items()
        ]
    elif rest:
        body = {
            "type": "object",
            "properties": rest,
            "required": [name for name in required if name in rest],
            "additionalProperties": False,
        }
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if row.idempotency:
        parameters.append(KEY)
    return {**described, "parameters": parameters} if parameters else described


def _responses(row: Row, answer: Any, *, with_input: bool, repeatable: bool) -> dict[str, Any]:
    """The successes, and each status that the contract's order of checks can end in."""
    content = {"content": {"application/json": {"schema": answer or {}}}} if row.success != 204 else {}
    statuses = {503}
    statuses |= {400} if with_input else set()
    statuses |= {401, 403} if row.scope not in ("public", "signed_in") else {401} if row.scope == "signed_in" else set()
    statuses |= {413, 415} if row.method in WITH_BODY else set()
    statuses |= {404} if row.parameters or row.method in WITH_BODY else set()
    statuses |= {409} if row.method in WITH_BODY else set()
    statuses |= {401} if row.service == "identity" and row.method in WITH_BODY else set()
    statuses |= {422} if row.idempotency else set()
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    successes = {row.success, 200} if repeatable else {row.success}
    return {
        **{str(status): {"description": HTTPStatus(status).phrase, **content} for status in sorted(successes)},
        **{str(s): {"description": HTTPStatus(s).phrase, "content": problem} for s in sorted(statuses)},
    }


def _answered(hint: Any) -> Any:
    """The view in an operation's return type: `View | Repeated[View]` answers a View."""
    for choice in typing.get_args(hint) if typing.get_origin(hint) is not None else ():
        if typing.get_origin(choice) is Repeated:
            return typing.get_args(choice)[0]
    return hint


def _amount(wanted: type[Any]) -> dict[str, Any]:
    """How the project's own types stand in JSON. Raises NotImplementedError for one without a schema."""
    if wanted is Amount:
        return dict(AMOUNT)
    if wanted is SignedAmount:
        return dict(SIGNED_AMOUNT)
    raise NotImplementedError(wanted)
