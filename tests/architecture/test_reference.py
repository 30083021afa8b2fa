"""The reference: everything in the OpenAPI document is described, and its examples are good ones."""

import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import pytest

from shared.contracts.operations import Request
from shared.registry import Row
from shared.runtime.decode import json_object, to_request
from shared.runtime.openapi.examples import example_of
from shared.runtime.openapi.schemas import REFERENCE
from tests.architecture.codebase import FUNCTIONS, ROWS
from tests.architecture.test_operations import hints

DOCUMENT: Final[dict[str, Any]] = json.loads((FUNCTIONS / "openapi.json").read_text(encoding="utf-8"))
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
HTTP: Final = [row for row in ROWS if row.http]


def operation(row: Row) -> dict[str, Any]:
    """A row's operation in the document."""
    described: dict[str, Any] = DOCUMENT["paths"][row.path][row.method.lower()]
    return described


def described(value: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of a schema in a part of the document, however deep, by where it stands; and every parameter."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from described(each, f"{at}[{place}]")
    if not isinstance(value, dict):
        return
    if isinstance(value.get("properties"), dict) and value.get("type") == "object":
        yield from ((f"{at}.{name}", schema) for name, schema in value["properties"].items())
    if "in" in value and "schema" in value:
        yield f"{at} {value['name']}", value
    for name, each in value.items():
        if name not in ("example", "examples"):
            yield from described(each, f"{at}.{name}")


def test_nothing_is_without_a_description() -> None:
    """Every field of a body, an answer or an event, and every parameter and header, says what it is."""
    found = dict(described(DOCUMENT))
    assert len(found) > 400
    assert [at for at, each in found.items() if len(each.get("description", "")) < 3] == []
    headers = DOCUMENT["components"]["headers"]
    assert [name for name, each in headers.items() if not each.get("description")] == []
    assert [name for name, each in SCHEMAS.items() if not each.get("description")] == []


def test_everything_has_an_example() -> None:
    """Each field and parameter can be shown: by an example of its own, or as one of a few values."""
    for at, each in described(DOCUMENT):
        assert example_of(each.get("schema", each), SCHEMAS) is not None, at


def test_examples_fit_their_schemas(subtests: pytest.Subtests) -> None:
    """The example of every schema is valid by that schema, patterns and formats included."""
    for name in SCHEMAS:
        with subtests.test(schema=name):
            schema = {"$ref": REFERENCE + name, "components": DOCUMENT["components"]}
            checks = jsonschema_rs.validator_for(schema, validate_formats=True)
            checks.validate(example_of({"$ref": REFERENCE + name}, SCHEMAS))


def test_the_example_of_a_request_is_one(subtests: pytest.Subtests) -> None:
    """What the reference offers to send decodes as its operation's request: path, query, headers and body."""
    for row in HTTP:
        with subtests.test(row=row.name):
            request, said = hints(row).get("request", Request), operation(row)
            given = {p["name"]: (p["in"], example_of(p["schema"], SCHEMAS)) for p in said.get("parameters", [])}
            path = {name: str(value) for name, (place, value) in given.items() if place == "path"}
            query = [(name, str(value)) for name, (place, value) in given.items() if place == "query"]
            query = [pair for pair in query if pair[0] != "consistency"]
            body = None
            if row.method in ("POST", "PUT", "PATCH"):
                content = said.get("requestBody", {}).get("content", {}).get("application/json", {})
                body = json_object(json.dumps(content.get("example", {})).encode())
            assert isinstance(to_request(request, path, query, body), request)


def test_names_are_those_of_things() -> None:
    """A schema is named as an integrator would, not as a class of ours."""
    assert [name for name in SCHEMAS if not name.isalnum() or name.endswith("View")] == []
    lists = {
        name for name, schema in SCHEMAS.items() if {"items", "next_cursor"} == schema.get("properties", {}).keys()
    }
    assert lists == {name for name in SCHEMAS if name.endswith("List")}
