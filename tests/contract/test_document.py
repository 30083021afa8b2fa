"""The OpenAPI document: it is served as generated, and matches the runtime's behaviour on every row."""

import re
from importlib import import_module
from typing import Any

import jsonschema_rs
import pytest

from shared.contracts.problems import STATUS
from shared.money import DECIMALS
from shared.registry import load
from shared.runtime.openapi.document import document
from tests.contract.api import DOCUMENT, ROWS, Api, body_schema, operation, query_names
from tests.contract.test_answers import members


def test_it_is_served_as_it_is(api: Api) -> None:
    """The served document is the committed one."""
    answer = api.send("GET", "/openapi.json")
    assert answer.json() == DOCUMENT
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_it_is_openapi() -> None:
    """It is a document of OpenAPI 3.1 whose references lead somewhere and whose schemas are JSON Schema 2020-12."""
    assert re.fullmatch(r"3\.1\.\d+", DOCUMENT["openapi"])
    assert {"title", "version"} <= set(DOCUMENT["info"])
    for _, value in members(DOCUMENT):
        if isinstance(value, dict) and "$ref" in value:
            here: Any = DOCUMENT
            for step in value["$ref"].removeprefix("#/").split("/"):
                here = here[step]
            assert here
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_it_describes_the_rows_and_nothing_else() -> None:
    """Every HTTP row by its path and method, under its name, with its scope."""
    described = {
        (method.upper(), path): each["operationId"]
        for path, methods in DOCUMENT["paths"].items()
        for method, each in methods.items()
    }
    assert described == {(row.method, row.path): row.name for row in ROWS}


def test_each_row_is_described(subtests: pytest.Subtests) -> None:
    """Its service, who may call it, what it takes, and every status that it can end in."""
    for row in ROWS:
        with subtests.test(row=row.name):
            described = operation(row)
            assert described["tags"] == [row.service]
            assert described["security"] == (
                [] if row.scope == "public" else [*([{}] if row.anonymous else []), {"token": []}]
            )
            assert described.get("x-scope") == (row.scope if row.scope not in ("public", "signed_in") else None)
            assert described["summary"].endswith(".")
            assert "Raises" not in described["summary"] + described.get("description", "")
            names = {(p["in"], p["name"]) for p in described.get("parameters", [])}
            assert {name for where, name in names if where == "path"} == set(row.parameters)
            assert (("header", "Idempotency-Key") in names) == bool(row.idempotency)
            statuses = {int(status) for status in described["responses"]}
            assert row.success in statuses
            assert {400, 503} <= statuses
            assert {401} <= statuses or row.scope == "public"
            assert ({403} <= statuses) == (row.scope not in ("public", "signed_in"))
            assert {404} <= statuses or not row.parameters
            assert ({413, 415} <= statuses) == (row.method in ("POST", "PUT", "PATCH"))
            assert ({422} <= statuses) == bool(row.idempotency)
            assert ({412, 428} <= statuses) == bool(row.if_match) == (("header", "If-Match") in names)
            assert ({304} <= statuses) == (("header", "If-None-Match") in names)
            assert 500 not in statuses
            assert statuses <= {200, 201, 204, 304, 404, 409, *STATUS.values()}


def test_parameters_and_bodies_are_closed(subtests: pytest.Subtests) -> None:
    """A body says that it takes no other fields; a parameter is never null."""
    for row in ROWS:
        with subtests.test(row=row.name):
            schema = body_schema(row)
            assert schema is None or schema["additionalProperties"] is False
            for parameter in operation(row).get("parameters", []):
                assert {"type": "null"} not in parameter["schema"].get("anyOf", [])
                assert parameter["schema"].get("default", 0) is not None
            if row.method == "GET":
                assert schema is None
            else:
                assert not query_names(row)


def test_currencies_are_those_of_money() -> None:
    """The document lists the currencies once, and refers to that list wherever one is a field or a parameter."""
    (listed,) = [value for _, value in members(DOCUMENT) if value == sorted(DECIMALS)]
    assert listed == DOCUMENT["components"]["schemas"]["CurrencyCode"]["enum"]
    schemas = [value for name, value in members(DOCUMENT["components"]["schemas"]) if name == "currency"]
    schemas += [
        parameter["schema"]
        for row in ROWS
        for parameter in operation(row).get("parameters", [])
        if parameter["name"] == "currency"
    ]
    assert len(schemas) > 10
    assert {each["$ref"] for each in schemas} == {"#/components/schemas/CurrencyCode"}


def test_it_is_made_the_same_every_time() -> None:
    """Rows and types alone make it: twice made it is the same text."""

    def made() -> str:
        return document(load(), lambda row: import_module(f"functions.{row.service}.{row.name}"))

    assert made() == made()
