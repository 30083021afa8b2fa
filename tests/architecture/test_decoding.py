"""Types that msgspec decodes are described to it by one thread (shared/decoding.py)."""

import ast
import builtins
from importlib import import_module
from pathlib import Path

from tests.architecture.codebase import ROOT, modules, name_of

FOLDERS = ("functions", "shared", "emulators", "cloudbuild", "terraform")

CHECKED_BEFORE = ROOT / "shared" / "runtime" / "mistakes.py"
"""Looks again at the fields of a request whose type was refused, and so is described."""


def types_of(path: Path) -> list[ast.expr]:
    """What a module has msgspec decode: the types that it gives to its functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "msgspec.convert":
                found.append(node.args[1])
            elif called.startswith("msgspec.") and called.endswith((".decode", ".Decoder")):
                found += [*node.args[1:], *(word.value for word in node.keywords if word.arg == "type")]
    return found


def test_every_type_is_ready() -> None:
    """A type that two threads describe at once ends the process: each is given as `ready(type)`."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    decoded = {path: types_of(path) for path in paths if "node_modules" not in path.parts and path != CHECKED_BEFORE}
    assert sum(map(len, decoded.values())) > 20
    bare = [
        f"{path.relative_to(ROOT)}:{each.lineno}"
        for path, types in decoded.items()
        for each in types
        if not ast.unparse(each).startswith("ready(")
    ]
    assert bare == []


def test_every_type_can_be_described() -> None:
    """msgspec looks up the types of fields when it first decodes: they are not imported for type checkers alone."""
    described = []
    for path in modules("functions", "shared"):
        known = {**vars(builtins), **vars(import_module(name_of(path)))}
        for each in types_of(path):
            if all(name.id in known for name in ast.walk(each) if isinstance(name, ast.Name)):  # what is no parameter
                described.append(eval(ast.unparse(each), known))
    assert len(described) > 12
