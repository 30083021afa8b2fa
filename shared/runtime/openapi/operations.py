"""What the document says of one operation: what it does, who may call it, what it takes."""

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from shared.registry import Row
from shared.runtime.openapi.common import CONSISTENCY, IF_MATCH, IF_NONE_MATCH, KEY
from shared.runtime.openapi.schemas import Schema, reference

WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def about(row: Row, module: ModuleType, function: Callable[..., Any]) -> dict[str, Any]:
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
        "security": [] if row.scope == "public" else [*([{}] if row.anonymous else []), {"token": []}],
        **scope,
    }


def parameters_of(row: Row, fields: Schema, *, tagged: bool) -> Schema:
    """The parameters: of path, headers and query."""
    properties = fields["properties"]
    parameters = [_parameter(name, "path", properties[name], required=True) for name in row.parameters]
    if row.idempotency:
        parameters.append(KEY)
    if row.if_match:
        parameters.append(IF_MATCH)
    if tagged and row.method == "GET":
        parameters.append(IF_NONE_MATCH)
    if row.eventual:
        parameters.append(CONSISTENCY)
    if row.method not in WITH_BODY:
        parameters += [
            _parameter(name, "query", _given(schema), required=name in fields.get("required", []))
            for name, schema in properties.items()
            if name not in row.parameters
        ]
    return {"parameters": parameters} if parameters else {}


def body_of(row: Row, fields: Schema) -> Schema | None:
    """The schema of a body: the fields of a write that are not in its path; None if there are none."""
    inside = {name: schema for name, schema in fields["properties"].items() if name not in row.parameters}
    if row.method not in WITH_BODY or not inside:
        return None
    required = [name for name in fields.get("required", []) if name in inside]
    return {**fields, "properties": inside, "required": required, "additionalProperties": False}


def sent(name: str, example: Any) -> Schema:
    """What is said of a body in its operation. name: its schema's. example: of all of it."""
    return {"required": True, "content": {"application/json": {"schema": reference(name), "example": example}}}


def _parameter(name: str, place: str, schema: Schema, *, required: bool) -> Schema:
    """A parameter, described as its field is."""
    bare = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "required": required, "description": schema["description"], "schema": bare}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter, which is absent instead of null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**choices[0], **rest} if len(choices) == 1 else schema
