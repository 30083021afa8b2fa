"""An environment, planned and applied to a fake cloud, and its resources as `terraform show -json` tells them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.infrastructure.terraform import Workspace

ROOT_MODULE: Final = "terraform"
BOOTSTRAP: Final = "terraform/bootstrap"

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


@dataclass
class Deployment:
    """An environment in a fake cloud."""

    environment: str
    workspace: Workspace
    plan: dict[str, Any]
    """What `terraform show -json` says of the first plan."""
    resources: list[Resource] = field(default_factory=list)
    """What is there after the plan was applied."""

    @classmethod
    def of(cls, environment: str, folder: Path) -> "Deployment":
        """Plan and apply an environment. folder: an empty one."""
        workspace = Workspace(folder)
        workspace.initialise(ROOT_MODULE)
        made = cls(environment, workspace, {})
        made.change("first.tfplan")
        made.plan = workspace.show(ROOT_MODULE, "first.tfplan")
        return made

    @property
    def variables(self) -> str:
        """The argument that names the environment's variables."""
        return f"-var-file=environments/{self.environment}/terraform.tfvars"

    def change(self, plan: str) -> None:
        """Plan and apply the configuration as it now is."""
        run = self.workspace.run
        run(ROOT_MODULE, "plan", "-input=false", "-no-color", self.variables, f"-out={plan}")
        run(ROOT_MODULE, "apply", "-input=false", "-no-color", plan)
        self.resources = resources_of(self.workspace.show(ROOT_MODULE))

    def planned(self) -> dict[str, str]:
        """What another plan would do now: actions such as `create` or `delete,create` by address; no entry for none."""
        run = self.workspace.run
        run(ROOT_MODULE, "plan", "-input=false", "-no-color", self.variables, "-out=next.tfplan")
        return actions(self.workspace.show(ROOT_MODULE, "next.tfplan"))

    @property
    def state(self) -> dict[str, Any]:
        """The raw state, to change as others than Terraform change the cloud."""
        loaded: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        return loaded

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the raw state."""
        self._state.write_text(json.dumps(state), encoding="utf-8")

    @property
    def _state(self) -> Path:
        return self.workspace.folder / ROOT_MODULE / "terraform.tfstate"


def actions(shown: Mapping[str, Any]) -> dict[str, str]:
    """What a plan does, by address."""
    changes = {each["address"]: ",".join(each["change"]["actions"]) for each in shown["resource_changes"]}
    return {address: action for address, action in changes.items() if action not in ("no-op", "read")}
