"""Generates the OpenAPI 3.1 document of the whole system from registry rows and types, so it cannot drift from them."""

import json
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import msgspec

from shared.contracts.operations import File, Request
from shared.registry import Registry, Row
from shared.runtime.binding import tagged, view_type
from shared.runtime.openapi.common import HEADERS
from shared.runtime.openapi.errors import ANYWHERE, errors_of, schema_of
from shared.runtime.openapi.examples import example_of
from shared.runtime.openapi.operations import about, body_of, parameters_of, sent
from shared.runtime.openapi.responses import PROBLEM, responses_of, shared_responses
from shared.runtime.openapi.schemas import CURRENCIES, Schema, schemas_of
from shared.runtime.openapi.webhooks import webhooks_of

ABOUT: Final = """Money is a decimal string of atomic units, times are RFC 3339 in UTC, ids are opaque.
Every failure is an RFC 9457 problem document, including a wrong path (404) or method (405).
Fields of a body that are not described here, and query parameters, are refused with 400."""
JSON: Final = {"type": "object"}
TEXT: Final = {"type": "string"}
"""The schemas of responses that have no view type."""


def document(registry: Registry, module_of: Callable[[Row], ModuleType]) -> str:
    """The document as JSON text.

    module_of: loads the module of a row's operation.
    """
    paths, schemas = _operations(registry, module_of)
    operations = [operation for item in paths.values() for operation in item.values()]
    functions = {row.name: getattr(module_of(row), row.name) for row in registry.http_rows()}
    raised = [errors_of(row, functions[row.name]) for row in registry.http_rows()]
    codes = schema_of([*ANYWHERE, *(kind for each in raised for kinds in each.values() for kind in kinds)])
    webhooks, events = webhooks_of(registry)
    if doubled := schemas.keys() & events.keys() - {CURRENCIES}:
        raise ValueError(f"schemas and events of one name: {sorted(doubled)}")
    schemas = {**schemas, **events, "Problem": PROBLEM, "ErrorCode": codes}
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
            "webhooks": webhooks,
            "components": {
                "schemas": dict(sorted(schemas.items())),
                "responses": shared_responses(operation["responses"] for operation in operations),
                "headers": HEADERS,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        },
        indent=1,
    )


def _operations(
    registry: Registry, module_of: Callable[[Row], ModuleType]
) -> tuple[dict[str, dict[str, Any]], dict[str, Schema]]:
    """The operations by path and method, and the schemas that they refer to by name.

    Raises ValueError if a body and an answer would share a name.
    """
    functions = {row.name: getattr(module_of(row), row.name) for row in registry.http_rows()}
    hints = {name: typing.get_type_hints(function) for name, function in functions.items()}
    request_of = {name: hint.get("request", Request) for name, hint in hints.items()}
    view_of = {name: view_type(hint["return"]) for name, hint in hints.items()}
    _, inputs = schemas_of(set(request_of.values()))
    views = [view for view in view_of.values() if view not in (type(None), msgspec.Raw, bytes, File)]
    given, shown = schemas_of(views)
    schema_of = dict(zip(views, given, strict=True))

    paths: dict[str, dict[str, Any]] = {}
    bodies: dict[str, Schema] = {}
    for row in registry.http_rows():
        name, view = request_of[row.name].__name__, view_of[row.name]
        if body := body_of(row, inputs[name]):
            bodies[name] = body
        success = schema_of.get(view, JSON if row.media == "application/json" else TEXT)
        repeatable = view is not hints[row.name]["return"]
        paths.setdefault(row.path, {})[row.method.lower()] = {
            **about(row, module_of(row), functions[row.name]),
            **parameters_of(row, inputs[name], tagged=tagged(view)),
            **({"requestBody": sent(name, example_of(body, inputs, request_of[row.name].in_example))} if body else {}),
            "responses": responses_of(
                row, success, errors_of(row, functions[row.name]), repeatable=repeatable, tagged=tagged(view)
            ),
        }
    parts = {
        name: schema for name, schema in inputs.items() if name not in {each.__name__ for each in request_of.values()}
    }
    if doubled := shown.keys() & bodies.keys():
        raise ValueError(f"requests and views of one name: {sorted(doubled)}")
    return paths, {**parts, **bodies, **shown}
