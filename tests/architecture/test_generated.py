"""What is generated and committed is fresh."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from emulators.client import generate as client
from shared.contracts import generate as contracts
from shared.registry import load
from shared.runtime.openapi import document
from tests.architecture.house import FUNCTIONS


@pytest.mark.parametrize("maker", [contracts, client], ids=["contracts", "client"])
def test_what_is_generated_is_fresh(maker: Any, tmp_path: Path) -> None:
    """A folder called gen is what its neighbour makes, file by file; if this fails, run `make gen`."""
    maker.generate(tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.is_file()}
    gen = maker.HERE / "gen"
    committed = {path.name: path.read_text(encoding="utf-8") for path in gen.iterdir() if path.is_file()}
    assert set(made) == set(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def made() -> str:
    """The OpenAPI document as rows and types make it."""
    return document(load(), lambda row: import_module(f"functions.{row.service}.{row.name}"))


def test_the_document_is_fresh() -> None:
    """functions/openapi.json describes what is served; if this fails, run `make gen`."""
    assert (FUNCTIONS / "openapi.json").read_text(encoding="utf-8").rstrip("\n") == made().rstrip("\n")


def test_the_document_is_made_alike_each_time() -> None:
    """Whoever makes it again gets the same bytes."""
    assert made() == made()


def references(value: Any) -> set[str]:
    """All references in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_document_describes_every_row() -> None:
    """Each HTTP row is an operation with its path, method and name, and every reference leads somewhere."""
    described = json.loads(made())
    found = {
        (path, method.upper(), operation["operationId"])
        for path, item in described["paths"].items()
        for method, operation in item.items()
    }
    assert found == {(row.path, row.method, row.name) for row in load().http_rows()}
    parts = {f"#/components/{kind}/{name}" for kind, named in described["components"].items() for name in named}
    assert references(described) <= parts
