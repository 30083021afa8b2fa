"""The OpenAPI document."""

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.registry import load
from tests.problems import refused


def test_it_is_a_valid_document_of_openapi_3_1(edge: httpx.Client) -> None:
    """As the specification's own schema has it, references and parameters included; anyone may read it."""
    response = edge.get("/openapi.json")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    document = response.json()
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_it_has_every_route(edge: httpx.Client) -> None:
    """Each HTTP row is there under its path, method and name, and nothing else is."""
    paths = edge.get("/openapi.json").json()["paths"]
    described = {
        (method.upper(), path): what["operationId"]
        for path, methods in paths.items()
        for method, what in methods.items()
    }
    assert described == {(row.method, row.path): row.name for row in load().http_rows()}


def test_it_takes_nothing(edge: httpx.Client) -> None:
    """A parameter is refused, as on any route."""
    refused(edge.get("/openapi.json?version=2"), 400, "VALIDATION_FAILED", "version")
