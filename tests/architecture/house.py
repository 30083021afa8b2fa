"""The house, as these tests see it: its modules, and what each of a service may be."""

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.registry import Row, load

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = ROOT / "functions"
SERVICES = sorted(load().services)
ROWS = list(load().rows.values())

PARTS = {"__init__", "ports", "store", "clients", "views"}
"""What a service may have beside its operations and its domain."""

HELPERS = {
    "claiming": {"opening", "redeeming", "voucher"},
    "identity": {"profiles", "proving"},
    "notification": {"sending"},
    "order": {"saga", "expiring", "sweeping", "buying", "quotes"},
    "supply": {"buying", "owning", "returning"},
    "wallet": {"booking", "collecting", "custody", "ending", "receiving", "sending"},
}
"""Where a service needs one more idea than its operations."""


def path_of(row: Row) -> Path:
    """The file of a row's operation."""
    return FUNCTIONS / row.service / f"{row.name}.py"


def operation(row: Row) -> Any:
    """The function of a row."""
    return getattr(import_module(f"functions.{row.service}.{row.name}"), row.name)


def modules(*folders: str) -> list[Path]:
    """The modules of production code below these folders, but for what is generated."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "gen" not in path.relative_to(ROOT).parts
    )


def name_of(path: Path) -> str:
    """A module by its dotted name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"))


def texts(path: Path) -> Iterator[ast.Constant]:
    """The texts in a module that are not documentation."""
    statements = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Expr))
    documentation = {node.value for node in statements}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield node
