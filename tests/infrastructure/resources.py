"""The resources that `terraform show -json` tells of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]


@dataclass
class Resource:
    """A managed resource. values: its arguments and attributes."""

    address: str
    type: str
    values: Values

    @property
    def name(self) -> str:
        """Its name in the cloud, where it has one."""
        return str(self.values.get("name", ""))

    def block(self, *names: str) -> Values:
        """The first block at a path of block names; an empty one if there is none."""
        found: Any = self.values
        for name in names:
            inner = found.get(name) or [{}]
            found = inner[0] if isinstance(inner, list) else inner
        return dict(found) if not isinstance(found, dict) else found


def resources_of(shown: Mapping[str, Any]) -> list[Resource]:
    """The managed resources of a state or a plan, those of all modules."""
    values = shown.get("values") or shown["planned_values"]
    return [
        Resource(each["address"], each["type"], each["values"])
        for module in _modules(values["root_module"])
        for each in module.get("resources", ())
        if each["mode"] == "managed"
    ]


def _modules(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield module
    for child in module.get("child_modules", ()):
        yield from _modules(child)
