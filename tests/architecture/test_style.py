"""Code rules that a machine can check: sizes, and things that are in one place only."""

import ast
import re
from itertools import pairwise
from pathlib import Path

from shared.registry import load
from tests.architecture.codebase import ROOT, ROWS, modules, name_of, path_of, texts, tree

OPERATION_LINES = 60
MODULE_LINES = 300

EXCEPTIONS: dict[str, int] = {
    "functions.supply.ports": 340,  # as below
    "functions.wallet.ports": 543,  # the ports of the largest service: nothing but signatures
}
"""Modules that may be longer, by their dotted name."""

PRODUCTION = modules("functions", "shared")
ALL = modules("functions", "shared", "emulators", "cloudbuild")
SQL = sorted(path for folder in ("functions", "shared", "emulators") for path in (ROOT / folder).rglob("*.sql"))

STATEMENT = re.compile(r"(?is)\s*(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from)\b")


def length(path: Path) -> int:
    """The lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def too_long(paths: list[Path], allowed: int) -> dict[str, int]:
    """The modules with more lines than allowed or excepted."""
    found = {name_of(path): length(path) for path in paths}
    return {name: lines for name, lines in found.items() if lines > EXCEPTIONS.get(name, allowed)}


def test_an_operation_is_short() -> None:
    """A longer one does more than one thing."""
    assert too_long([path_of(row) for row in ROWS], OPERATION_LINES) == {}


def test_a_module_is_not_long() -> None:
    """A longer one is to be split."""
    assert too_long(ALL, MODULE_LINES) == {}


def test_no_exception_is_out_of_date() -> None:
    """A module that has become short is removed from EXCEPTIONS."""
    by_name = {name_of(path): length(path) for path in ALL}
    assert [name for name, allowed in EXCEPTIONS.items() if not OPERATION_LINES < by_name[name] <= allowed] == []


def test_a_module_says_what_it_is_for() -> None:
    """It begins with a docstring."""
    assert [name_of(path) for path in ALL if not ast.get_docstring(tree(path))] == []


def test_routes_and_topics_are_in_the_registry_only() -> None:
    """No production module contains a path or the name of a topic."""
    literals = [(name_of(path), str(text.value)) for path in PRODUCTION for text in texts(path)]
    assert [each for each in literals if each[1].startswith("/v1/") or each[1] in load().topics] == []


def test_sql_is_in_sql_files() -> None:
    """Statements on tables are named queries."""
    literals = [(name_of(path), str(text.value)) for path in PRODUCTION for text in texts(path)]
    assert [each for each in literals if STATEMENT.match(each[1])] == []


def test_a_query_has_a_line_of_intent() -> None:
    """The first line of each named query is a comment on its purpose."""
    without = []
    for path in SQL:
        lines = path.read_text(encoding="utf-8").splitlines()
        for name, intent in pairwise(lines):
            if name.startswith("-- name:") and not re.match(r"-- \w", intent):
                without.append(f"{path.relative_to(ROOT)}: {name}")
    assert without == []


def test_a_migration_begins_with_a_comment() -> None:
    """On what it creates; its file name has a number."""
    for path in (path for path in SQL if "migrations" in path.parts):
        assert re.fullmatch(r"\d{4}-[a-z-]+\.sql", path.name)
        assert re.match(r"-- \w", path.read_text(encoding="utf-8"))


def test_migrations_are_numbered_once() -> None:
    """No two in one folder share a number, and each but the first declares its predecessor."""
    folders = {path.parent for path in SQL if path.parent.name == "migrations"}
    assert {ROOT / "functions" / name / "sql/migrations" for name in ("order", "wallet")} < folders
    for folder in folders:
        names = sorted(path.name for path in folder.glob("*.sql"))
        assert len({name[:4] for name in names}) == len(names), folder
        for before, name in pairwise(names):
            assert f"-- depends: {before.removesuffix('.sql')}" in (folder / name).read_text(encoding="utf-8"), name


def test_the_environment_is_read_in_one_place() -> None:
    """Only shared/config.py reads it, into Settings."""
    readers = [
        name_of(path)
        for path in PRODUCTION
        if any(isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") for node in ast.walk(tree(path)))
    ]
    assert readers == ["shared.config"]


def test_no_float_touches_money() -> None:
    """No module that uses amounts creates a float, rounds or divides; a domain has no float at all."""
    offenders = []
    for path in PRODUCTION:
        if name_of(path) == "shared.money" or "from shared.money" in path.read_text(encoding="utf-8"):
            strictly = "domain" in path.parts
            nodes = (node for node in ast.walk(tree(path)) if isinstance(node, ast.expr))
            offenders += [f"{name_of(path)}:{node.lineno}" for node in nodes if _floats(node, strictly=strictly)]
    assert offenders == []


def _floats(node: ast.expr, *, strictly: bool) -> bool:
    """Whether an expression creates a float, or, strictly, is one. A division by a string joins paths."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return not (isinstance(node.right, ast.Constant) and isinstance(node.right.value, str))
    if isinstance(node, ast.Constant):
        return strictly and isinstance(node.value, float)
    return isinstance(node, ast.Name) and node.id in ("float", "round")
