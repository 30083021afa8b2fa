"""The code base as these tests see it: its modules, and what a service's package may contain."""

import ast
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from shared.registry import Row, load

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = ROOT / "functions"
SERVICES = sorted(load().services)
ROWS = list(load().rows.values())
JOBS = [row for row in ROWS if row.schedule or row.poll_seconds]
"""The rows that nobody calls: they run at a time, or again and again."""

PARTS = {"__init__", "ports", "adapters", "views", "requests"}
"""What a service's package may have besides operations and domain."""

HELPERS = {
    "claiming": {"claim_opening", "claim_redemption"},
    "identity": {"address_proof", "caller_profile", "session_opening"},
    "notification": {"delivery_results", "redelivery"},
    "order": {"saga", "expiry", "due_orders", "pricing", "answers"},
    "platform": {"figure_views", "story_views"},
    "supply": {"eligibility", "asset_ownership", "stock_return", "terms"},
    "wallet": {
        *(
            "cell_custody",
            "custody_views",
            "deposit_attribution",
            "deposit_collection",
            "deposit_posting",
            "recipients",
            "transit_posting",
            "treasury_dispatch",
        ),
        "withdrawal_completion",
        "withdrawal_sending",
    },
}
"""Further modules of a service, shared by its operations."""


def path_of(row: Row) -> Path:
    """The file of a row's operation."""
    return FUNCTIONS / row.service / f"{row.name}.py"


def operation(row: Row) -> Any:
    """The function of a row."""
    return getattr(import_module(f"functions.{row.service}.{row.name}"), row.name)


def modules(*folders: str) -> list[Path]:
    """The modules below these folders, except generated ones and the public client."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if not {"gen", "meridian_client"} & set(path.relative_to(ROOT).parts)
    )


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported_for_types(module: str) -> dict[str, Any]:
    """What a module imports for type checkers alone."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    blocks = [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    return {
        alias.asname or alias.name: getattr(import_module(node.module), alias.name)
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def hints(thing: Any) -> dict[str, Any]:
    """The types of a function or class, also where they are imported for type checkers alone."""
    names: dict[str, Any] = {}
    for each in reversed(getattr(thing, "__mro__", (thing,))):  # bases of other modules have names of theirs
        if each.__module__.startswith(("functions.", "shared.", "emulators.", "tests.")):
            names |= {**vars(sys.modules[each.__module__]), **imported_for_types(each.__module__)}
    return get_type_hints(thing, names)


@cache
def texts(path: Path) -> list[ast.Constant]:
    """The string literals of a module, without docstrings."""
    nodes = list(ast.walk(tree(path)))
    documentation = {node.value for node in nodes if isinstance(node, ast.Expr)}
    literals = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node for node in literals if node not in documentation]
