"""Walks values along a schema: what a provider checks, what it leaves open in a plan, what it fills in on apply."""

from collections.abc import Callable, Iterator
from typing import Any

Block = dict[str, Any]
Path = tuple[str | int, ...]
Value = dict[str, Any]


def blocks_of(block: Block, value: Value, path: Path = ()) -> Iterator[tuple[Block, Value, Path]]:
    """A block's value, and those of all blocks nested in it. Elements of a set have no path of their own."""
    yield block, value, path
    for name, nested in block.get("block_types", {}).items():
        inner = value.get(name)
        listed = isinstance(inner, list)
        for index, each in enumerate(inner if isinstance(inner, list) else [inner]):
            if isinstance(each, dict):
                step: Path = (name, index) if listed and nested["nesting_mode"] == "list" else (name,)
                yield from blocks_of(nested["block"], each, path + step)


def complaints(block: Block, value: Value) -> Iterator[tuple[str, str, Path]]:
    """What the provider would refuse in a configuration: a summary, a detail, and where."""
    for inner, given, path in blocks_of(block, value):
        for name, attribute in inner.get("attributes", {}).items():
            found = given.get(name)
            if found is None:
                continue
            if attribute.get("computed") and not attribute.get("optional"):
                yield f"Value for unconfigurable attribute {name}", "The provider decides it.", (*path, name)
            possible = attribute.get("possible_values")
            for each in found if isinstance(found, list) else [found]:
                if possible and isinstance(each, str) and each and each not in possible:
                    yield f"Invalid value for {name}", f"expected one of {possible}, got {each!r}", (*path, name)


def planned(block: Block, value: Value, unknown: Any) -> Value:
    """A proposed value with what only the cloud can say left unknown, and what is written only removed."""
    for inner, given, _ in blocks_of(block, value):
        for name, attribute in inner.get("attributes", {}).items():
            if attribute.get("write_only"):
                given[name] = None
            elif attribute.get("computed") and given.get(name) is None:
                given[name] = unknown
    return value


def settled(block: Block, value: Value, is_unknown: Callable[[Any], bool], make: Callable[[str, Any], Any]) -> Value:
    """A planned value in which everything unknown has got a value. make: by an attribute's name and type."""
    for inner, given, _ in blocks_of(block, value):
        for name, attribute in inner.get("attributes", {}).items():
            if is_unknown(given.get(name)):
                given[name] = make(name, attribute["type"])
    return value
