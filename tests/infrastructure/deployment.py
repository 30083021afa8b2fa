"""An environment, planned and applied to a fake cloud, and its resources as `terraform show -json` tells them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from shared.registry import load
from tests.infrastructure.offline.cloud import NUMBER
from tests.infrastructure.resources import Resource, resources_of
from tests.infrastructure.terraform import Workspace
from tests.infrastructure.world import World

ROOT_MODULE: Final = "terraform"
BOOTSTRAP: Final = "terraform/bootstrap"
REGISTRY: Final = "functions/registry.yaml"
GIVEN: Final = {"image": f"registry/meridian@sha256:{'1' * 64}", "project_number": NUMBER}
"""What the pipeline says, and the number that the fake cloud gives every project."""

PLAN: Final = "next.tfplan"


@dataclass
class Deployment:
    """An environment in a fake cloud."""

    environment: str
    workspace: Workspace
    world: World
    """What there is to be, by the first plan; what there is, once it is applied."""

    @classmethod
    def planned_only(
        cls,
        environment: str,
        folder: Path,
        registry: Callable[[str], str] = str,
        promoted: Mapping[str, str] = MappingProxyType({}),
    ) -> "Deployment":
        """Plan an environment, with what its cloud is going to decide.

        folder: an empty one. registry: changes the text of the registry first. promoted: the variable.
        """
        workspace = Workspace(folder, foreseen=True)
        path = folder / REGISTRY
        path.write_text(registry(path.read_text(encoding="utf-8")), encoding="utf-8")
        made = cls._initialised(environment, workspace)
        made.world.promoted = promoted
        made.planned(f"-var=promoted={json.dumps(dict(promoted))}")
        made.world.resources = [*resources_of(made.workspace.show(ROOT_MODULE, PLAN)), *bootstrap(folder / "bootstrap")]
        return made

    @classmethod
    def applied(cls, environment: str, folder: Path, registry: Callable[[str], str] = str) -> "Deployment":
        """Plan and apply an environment. registry: changes the text of the registry first."""
        workspace = Workspace(folder)
        path = folder / REGISTRY
        path.write_text(registry(path.read_text(encoding="utf-8")), encoding="utf-8")
        made = cls._initialised(environment, workspace)
        made.change()
        made.world.resources = [*resources_of(workspace.show(ROOT_MODULE)), *bootstrap(folder / "bootstrap")]
        return made

    @classmethod
    def _initialised(cls, environment: str, workspace: Workspace) -> "Deployment":
        workspace.initialise(ROOT_MODULE)
        folder = workspace.folder
        sources = {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*.tf"))}
        return cls(environment, workspace, World(environment, load(folder / REGISTRY), [], sources))

    def _run(self, command: str, *arguments: str) -> str:
        return self.workspace.run(ROOT_MODULE, command, "-input=false", "-no-color", *arguments)

    def planned(self, *arguments: str) -> dict[str, str]:
        """What a plan would do now: actions such as `create` or `delete,create` by address; no entry for none.

        arguments: further ones of Terraform's.
        """
        file = f"-var-file=environments/{self.environment}/terraform.tfvars"
        self._run("plan", file, *(f"-var={name}={value}" for name, value in GIVEN.items()), *arguments, f"-out={PLAN}")
        shown = self.workspace.show(ROOT_MODULE, PLAN)
        changes = {each["address"]: ",".join(each["change"]["actions"]) for each in shown["resource_changes"]}
        return {address: action for address, action in changes.items() if action not in ("no-op", "read")}

    def change(self) -> dict[str, str]:
        """Plan and apply the configuration as it now is. Returns what the plan did."""
        actions = self.planned()
        self._run("apply", PLAN)
        return actions

    @property
    def state(self) -> dict[str, Any]:
        """The raw state, to change as others than Terraform change the cloud."""
        loaded: dict[str, Any] = json.loads(self.workspace.states.content[f"/{ROOT_MODULE}"])
        return loaded

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the raw state."""
        self.workspace.states.content[f"/{ROOT_MODULE}"] = json.dumps(state).encode()

    def summary(self) -> str:
        """How many resources there are, and of which types the most."""
        counts = Counter(each.type.removeprefix("google_") for each in self.world.resources)
        most = ", ".join(f"{count} {kind}" for kind, count in counts.most_common(8))
        return f"{counts.total()} resources of {len(counts)} types: {most}"


def bootstrap(folder: Path) -> list[Resource]:
    """What there has to be before an environment, planned. folder: one to make."""
    folder.mkdir()
    workspace = Workspace(folder, foreseen=True)
    workspace.initialise(BOOTSTRAP)
    given = ("-var=project=meridian-bootstrap", "-var=contact=operator@example.com")
    workspace.run(BOOTSTRAP, "plan", "-input=false", "-no-color", *given, f"-out={PLAN}")
    return resources_of(workspace.show(BOOTSTRAP, PLAN))
