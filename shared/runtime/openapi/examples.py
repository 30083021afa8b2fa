"""Examples of whole bodies and answers, put together from those of their fields."""

from collections.abc import Container
from typing import Any

from shared.runtime.openapi.schemas import Schema, resolved


def example_of(schema: Schema, components: dict[str, Schema], optional: Container[str] | None = None) -> Any:
    """An example of what a schema describes.

    optional: which fields besides the required ones an object has, those of objects within it left out; all by default.
    Raises ValueError for a schema without any example.
    """
    schema = resolved(schema, components)
    within = None if optional is None else ()
    if "examples" in schema:
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], components, within)
    if schema.get("type") == "array":
        return [example_of(schema["items"], components, within)]
    if "properties" in schema:
        required = schema.get("required", [])
        return {
            name: example_of(each, components, within)
            for name, each in schema["properties"].items()
            if optional is None or name in required or name in optional
        }
    return _value(schema)


def _value(schema: Schema) -> Any:
    """A value that a schema without examples names itself."""
    for name in ("const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "boolean":
        return True
    raise ValueError(f"no example of {schema}")
