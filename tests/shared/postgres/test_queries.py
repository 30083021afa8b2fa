"""Queries are read one by one, and are what aiosql makes of the whole file."""

from pathlib import Path

import aiosql
import pytest

from shared.postgres.queries import _Prepared, queries, queries_by_name
from tests.architecture.codebase import ROOT

FILES = [
    path
    for folder in ("shared", "functions", "emulators")
    for path in sorted((ROOT / folder).rglob("*.sql"))
    if "-- name:" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_query_is_what_aiosql_reads(path: Path) -> None:
    whole = aiosql.from_path(path, _Prepared, kwargs_only=True, mandatory_parameters=False)
    found = queries_by_name(path)
    opened = {f"{name}_cursor" for name in found} - set(found)  # aiosql's variants that leave a cursor open
    assert set(whole.available_queries) - opened == set(found)
    for name, query in found.items():
        theirs = getattr(whole, name)
        assert (query.sql, query.operation) == (theirs.sql, theirs.operation)


def test_a_query_is_read_once() -> None:
    loaded = queries(FILES[0])
    name = next(iter(loaded.by_name()))
    assert getattr(loaded, name) is getattr(loaded, name)


def test_a_missing_query_and_a_name_that_stands_there_twice_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "queries.sql"
    path.write_text("-- name: one$\nSELECT 1;\n\n-- name: two$\nSELECT 2;\n", encoding="utf-8")
    with pytest.raises(AttributeError, match="has no query three"):
        _ = queries(path).three
    path.write_text("-- name: one$\nSELECT 1;\n\n-- name: one^\nSELECT 2;\n", encoding="utf-8")
    with pytest.raises(ValueError, match="twice"):
        queries(path)
