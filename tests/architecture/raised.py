"""What an operation's code can raise, read from the code: along its calls, with what ports say of their adapters.

A call is followed into functions and classes of the same service by their names. A call on `work` or on something of
it is a port's: its docstring says what its adapters raise. A method of anything else is whatever method of that name
the service's domain and types have: a little more than can happen, never less.
"""

import ast
import inspect
import typing
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from shared.contracts.problems import error_classes
from shared.errors import MeridianError
from shared.registry import Row
from shared.runtime.openapi.errors import raised
from tests.architecture.codebase import FUNCTIONS, ROWS, hints, name_of, operation, tree

Definition = ast.FunctionDef | ast.ClassDef


@cache
def kinds() -> dict[str, set[str]]:
    """The codes of each error class, by its name: those of the classes derived from it where it has none of its own."""
    found: dict[str, set[str]] = {}
    for row in ROWS:
        operation(row)  # imports its errors
    for kind in error_classes():
        own = "code" in vars(kind)
        codes = (
            {kind.code} if own else {each.code for each in error_classes(kind) if "code" in vars(each)} or {kind.code}
        )
        found.setdefault(kind.__name__, set()).update(codes)
    return found


@cache
def own_modules(service: str) -> tuple[Path, ...]:
    """The modules of a service without its adapters."""
    folder = FUNCTIONS / service
    return tuple(sorted(path for path in folder.rglob("*.py") if "adapters" not in path.parts))


@cache
def methods(service: str) -> dict[str, list[tuple[ModuleType, ast.FunctionDef]]]:
    """The methods of a service's domain and types, by name."""
    found: dict[str, list[tuple[ModuleType, ast.FunctionDef]]] = {}
    for path in own_modules(service):
        if path.name == "ports.py":
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                for each in node.body:
                    if isinstance(each, ast.FunctionDef) and each.name != "__init__":
                        found.setdefault(each.name, []).append((import_module(name_of(path)), each))
    return found


@cache
def ports(service: str) -> dict[str, dict[str, str]]:
    """The docstrings of the methods of a service's ports: by the attribute of `work` that has the port, then by name.

    Methods of `work` itself are under the empty name.
    """
    module = import_module(f"functions.{service}.ports")
    found: dict[str, dict[str, str]] = {"": {}}
    for kind in vars(module).values():
        if not (inspect.isclass(kind) and kind.__name__.endswith("Work")):
            continue
        attributes: dict[str, Any] = dict(hints(kind))
        for name, value in inspect.getmembers(kind):
            if isinstance(value, property):
                attributes[name] = hints(value.fget).get("return")
            elif inspect.isfunction(value) and not name.startswith("_"):
                found[""][name] = value.__doc__ or ""
        for name, port in attributes.items():
            docs = {each: getattr(port, each).__doc__ or "" for each in dir(port) if not each.startswith("_")}
            found.setdefault(name, {}).update(docs)
    return found


def codes_of(row: Row) -> set[str]:
    """The codes of all errors that an operation's code can raise."""
    function = operation(row)
    (definition,) = ast.parse(inspect.getsource(function)).body
    seen: set[tuple[str, int]] = set()
    names = set(_raised(typing.cast(ast.FunctionDef, definition), inspect.getmodule(function), row.service, seen))
    return {code for name in names for code in kinds().get(name, ())}


def _raised(node: Definition, module: ModuleType | None, service: str, seen: set[tuple[str, int]]) -> Iterator[str]:
    """The names of the error classes that a function can raise."""
    assert module is not None
    place = (module.__name__, node.lineno)
    if place in seen:
        return
    seen.add(place)
    for each in ast.walk(node):
        if isinstance(each, ast.Raise) and each.exc is not None:
            yield from (name.id for name in ast.walk(each.exc) if isinstance(name, ast.Name))
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in kinds():
            yield each.func.id  # what is made is raised by whom it is returned to
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            yield from _called(vars(module).get(each.id), service, seen)
        if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load):
            yield from _of_attribute(each, module, service, seen)


def _called(target: Any, service: str, seen: set[tuple[str, int]]) -> Iterator[str]:
    """What a function or class that is named can raise, if it is this service's."""
    if inspect.isclass(target) and issubclass(target, MeridianError):
        return
    if not (inspect.isfunction(target) or inspect.isclass(target)):
        return
    home = inspect.getmodule(target)
    if home is None or not home.__name__.startswith((f"functions.{service}.", "shared.contracts.operations")):
        return
    for path_node in ast.walk(ast.parse(inspect.getsource(home))):
        if isinstance(path_node, ast.FunctionDef) and path_node.name == target.__name__:
            yield from _raised(path_node, home, service, seen)


def _of_attribute(each: ast.Attribute, module: ModuleType, service: str, seen: set[tuple[str, int]]) -> Iterator[str]:
    owner = each.value
    if isinstance(owner, ast.Attribute) and owner.attr in ports(service):
        yield from raised(ports(service)[owner.attr].get(each.attr, ""))
    elif isinstance(owner, ast.Name) and isinstance(vars(module).get(owner.id), ModuleType):
        yield from _called(getattr(vars(module)[owner.id], each.attr, None), service, seen)
    elif isinstance(owner, ast.Name) and each.attr in ports(service)[""]:
        yield from raised(ports(service)[""][each.attr])
    else:
        for home, method in methods(service).get(each.attr, ()):
            yield from _raised(method, home, service, seen)
