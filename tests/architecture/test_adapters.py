"""An adapter has what its port promises.

To mypy a port's attributes can be written to, so that it takes no property for one: nothing else would notice a method
that was renamed in the port alone.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Final, Protocol

from shared.registry import Row
from shared.unit_of_work import UnitOfWork
from tests.architecture.codebase import ROWS, hints, operation

IN_EVERY_WORK: Final = set(vars(UnitOfWork)) | {"resources", "settings", "service", "key"}
WITH_WORK: Final = [row for row in ROWS if "work" in inspect.signature(operation(row)).parameters]


def is_port(kind: Any) -> bool:
    """Whether a type is a Protocol of ours."""
    return isinstance(kind, type) and issubclass(kind, Protocol) and getattr(kind, "_is_protocol", False)


def provided(kind: type, name: str) -> Any:
    """The type of an attribute of an adapter; None where it says none."""
    member = inspect.getattr_static(kind, name, None)
    function = member.func if isinstance(member, cached_property) else getattr(member, "fget", None)
    return hints(function).get("return") if function else None


def members(port: type) -> Iterator[tuple[str, Any]]:
    """What a port promises: its methods, and its attributes with their types."""
    for base in port.__mro__:
        if is_port(base) and base.__module__ != "typing":
            for name, member in vars(base).items():
                if inspect.isfunction(member) and not name.startswith("_"):
                    yield name, member
                elif isinstance(member, property):
                    yield name, hints(member.fget).get("return")
            yield from ((name, kind) for name, kind in hints(base).items() if not name.startswith("_"))


@cache
def initialised(kind: type) -> str:
    """The constructors of a class and its bases, where attributes are set that the class itself does not show."""
    return "".join(inspect.getsource(vars(base)["__init__"]) for base in kind.__mro__[:-1] if "__init__" in vars(base))


def broken(port: type, adapter: type, seen: set[tuple[type, type]]) -> Iterator[str]:
    """Where an adapter does not keep what a port promises, and the adapters that it hands out."""
    if (port, adapter) in seen:
        return
    seen.add((port, adapter))
    for name, promised in members(port):
        where = f"{adapter.__name__}.{name} of {port.__name__}"
        if inspect.isfunction(promised):
            method = inspect.getattr_static(adapter, name, None)
            method = getattr(method, "__func__", method)  # of a static method
            method = getattr(method, "__wrapped__", method)  # of a context manager
            if not callable(method):
                yield f"{where} is missing"
                continue
            wanted = [each for each in inspect.signature(promised).parameters if each != "self"]
            has = [each for each in inspect.signature(method).parameters if each != "self"]
            if has[: len(wanted)] != wanted:
                yield f"{where} takes {has}, not {wanted}"
        elif is_port(promised):
            made = provided(adapter, name)
            if isinstance(made, type):
                yield from broken(promised, made, seen)
            elif name not in IN_EVERY_WORK:
                yield f"{where} is missing"
        elif (
            name not in IN_EVERY_WORK
            and inspect.getattr_static(adapter, name, None) is None
            and not re.search(rf"self\.{name}\b(?=[ :,])", initialised(adapter))
        ):
            yield f"{where} is missing"


def lacking(row: Row) -> list[str]:
    """Where the work of an operation does not keep what its ports promise."""
    work = import_module(f"functions.{row.service}.adapters.work").Work
    port = hints(operation(row))["work"]
    return sorted(set(broken(port, work, set())))


def test_the_work_of_an_operation_has_what_its_ports_promise() -> None:
    """Down to the methods of every adapter, and the names of their parameters."""
    found = {row.name: lacking(row) for row in WITH_WORK}
    assert found == {row.name: [] for row in WITH_WORK}
