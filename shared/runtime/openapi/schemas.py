"""The schemas of requests and views: what msgspec makes of the types, with what stands at their fields."""

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any, Final

import msgspec

from shared.contracts.operations import Page
from shared.money import DECIMALS, Amount, SignedAmount

REFERENCE: Final = "#/components/schemas/"
AMOUNT: Final = {"type": "string", "pattern": "^(0|[1-9][0-9]{0,77})$", "examples": ["1500000"]}
SIGNED_AMOUNT: Final = {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,77})$", "examples": ["-1500000"]}
CURRENCIES: Final = "CurrencyCode"
CURRENCY: Final = {
    "title": CURRENCIES,
    "description": "A currency: "
    + ", ".join(f"`{name}` in units of 10^-{decimals}" for name, decimals in sorted(DECIMALS.items()))
    + ". Every amount is a whole number of these atomic units.",
    "type": "string",
    "enum": sorted(DECIMALS),
    "examples": ["USDC"],
}
"""The currencies, once: wherever one is a field, its schema refers to this one."""

Schema = dict[str, Any]


def schemas_of(kinds: Iterable[Any]) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and those that they refer to, by their public names.

    Raises ValueError if two types would share one name.
    """
    kinds = list(kinds)
    given, components = msgspec.json.schema_components(kinds, schema_hook=_own, ref_template=f"{REFERENCE}{{name}}")
    structs = {_name(each): each for kind in kinds for each in structs_in(kind)}
    for name, schema in components.items():
        if name not in structs:
            raise ValueError(f"two types are called {name.rpartition('.')[2]}")
        for field, text in field_docs(typing.get_origin(structs[name]) or structs[name]).items():
            if field in schema["properties"]:
                schema["properties"][field]["description"] = text
    named = {public(name): {**schema, "title": public(name)} for name, schema in components.items()}
    if len(named) < len(components):
        raise ValueError(f"names that are the same once shortened: {sorted(map(public, components))}")
    made = {name: _renamed(schema) for name, schema in named.items()}
    return [_renamed(each) for each in given], {**made, CURRENCIES: CURRENCY}


def public(name: str) -> str:
    """A type's name in the document: Order for OrderView, OrderList for a page of them."""
    name = re.sub(r"^Page_(\w+)_$", lambda page: f"{public(page[1])}List", name)
    return name.removesuffix("View")


def structs_in(kind: Any) -> Iterator[Any]:
    """A type and all structs in it; a page as the generic type that it is."""
    parameters = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for inner in typing.get_type_hints(kind).values():
            yield from structs_in(inner)
    elif origin is Page:
        yield kind
    for each in parameters:
        yield from structs_in(each)


@cache
def field_docs(kind: type) -> dict[str, str]:
    """The docstrings behind the fields of a struct, by field; those that it inherits are included."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if not issubclass(each, msgspec.Struct) or each.__module__.startswith("msgspec"):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        for field, text in pairwise(typing.cast(ast.ClassDef, definition).body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(written))):
                    found[name] = " ".join(inspect.cleandoc(written).split())
    return found


def resolved(schema: Schema, components: dict[str, Schema]) -> Schema:
    """A schema, or the one that it refers to, with what is said beside the reference."""
    if "$ref" not in schema:
        return schema
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**resolved(components[schema["$ref"].removeprefix(REFERENCE)], components), **beside}


def reference(name: str) -> Schema:
    """A reference to a schema of the components."""
    return {"$ref": REFERENCE + name}


def _name(kind: Any) -> str:
    """What msgspec calls a type in the components."""
    if typing.get_origin(kind) is Page:
        (shown,) = typing.get_args(kind)
        return f"Page_{shown.__name__}_"
    return str(kind.__name__)


def _renamed(value: Any) -> Any:
    """A schema with public names in its references, and a reference for each currency."""
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _renamed(each) for name, each in value.items()}
    if changed.get("enum") == CURRENCY["enum"]:
        return {
            **{name: each for name, each in changed.items() if name not in ("enum", "type")},
            **reference(CURRENCIES),
        }
    if isinstance(changed.get("$ref"), str):
        changed["$ref"] = REFERENCE + public(changed["$ref"].removeprefix(REFERENCE))
    return changed


def _own(kind: type[Any]) -> Schema:
    """The JSON schema of the project's own types. Raises NotImplementedError for one without a schema."""
    if kind is Amount:
        return dict(AMOUNT)
    if kind is SignedAmount:
        return dict(SIGNED_AMOUNT)
    raise NotImplementedError(kind)
