"""The generated and committed files are fresh."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.client.http import generate as collection
from shared.client.python import generate as client
from shared.contracts import generate as contracts
from shared.registry import load
from shared.runtime.openapi.document import document
from tests.architecture.codebase import FUNCTIONS


def texts_in(folder: Path) -> dict[str, str]:
    """The files of a folder."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}


def test_contracts_are_fresh(tmp_path: Path) -> None:
    """gen/ contains exactly what the .proto files generate; if this fails, run `make gen`."""
    contracts.generate(tmp_path)
    assert texts_in(tmp_path) == texts_in(contracts.HERE / "gen")


def test_the_client_is_fresh(tmp_path: Path) -> None:
    """It is what the OpenAPI document generates; if this fails, run `make gen`."""
    client.generate(tmp_path)
    made = texts_in(tmp_path)
    assert made.keys() == {"api.py", "async_api.py"}
    assert made == {name: (client.HERE / "meridian_client" / name).read_text(encoding="utf-8") for name in made}


def test_the_collection_is_fresh(tmp_path: Path) -> None:
    """meridian.http is what the OpenAPI document generates; if this fails, run `make gen`."""
    collection.generate(tmp_path / "meridian.http")
    assert texts_in(tmp_path) == {"meridian.http": (collection.HERE / "meridian.http").read_text(encoding="utf-8")}


def made() -> str:
    """The OpenAPI document as generated from rows and types."""
    return document(load(), lambda row: import_module(f"functions.{row.service}.{row.name}"))


def test_the_document_is_fresh() -> None:
    """functions/openapi.json describes what is served; if this fails, run `make gen`."""
    assert (FUNCTIONS / "openapi.json").read_text(encoding="utf-8").rstrip("\n") == made().rstrip("\n")


def test_the_document_is_reproducible() -> None:
    """Generating it again gives the same bytes."""
    assert made() == made()


def references(value: Any) -> set[str]:
    """All references in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_document_describes_every_row() -> None:
    """Each HTTP row is an operation with its path, method and name, and every reference resolves."""
    described = json.loads(made())
    found = {
        (path, method.upper(), operation["operationId"])
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }
    assert found == {(row.path, row.method, row.name) for row in load().http_rows()}
    parts = {f"#/components/{kind}/{name}" for kind, named in described["components"].items() for name in named}
    assert references(described) <= parts
