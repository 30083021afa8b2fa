"""What policies look at: an environment's resources and processes, the registry, and the configuration's source."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from shared.registry import Registry, Row
from tests.infrastructure.resources import Resource, Values
from tests.infrastructure.terraform import tool

UNMATCHED: Final = "unmatched"
"""The function that answers what no row does."""

RUN: Final[Mapping[str, str]] = {
    "google_cloud_run_v2_service": "service",
    "google_cloud_run_v2_worker_pool": "pool",
    "google_cloud_run_v2_job": "job",
}

FROM_SECRETS: Final[Mapping[str, str]] = {"CHAIN_URLS": "1=https://node.example/key,11155111=https://node.example/key"}
"""The variables whose values are secrets, with what stands for those here: a node's URL has a key in it."""

_PARSE: Final = (
    "import hcl2, json, sys; json.dump({k: hcl2.loads(v) for k, v in json.load(sys.stdin).items()}, sys.stdout)"
)


@dataclass(frozen=True)
class Site:
    """A cell in a region, with the processes that serve it there, or do after a promotion.

    suffix: what their names end with. serves: whether the cell is served there now.
    """

    cell: str
    region: str
    suffix: str
    serves: bool


@dataclass
class Process:
    """A Cloud Run service, worker pool or job, by the role that its container's arguments start."""

    resource: Resource
    kind: str
    """service, pool or job."""
    role: str
    of: str
    """A row or a service; empty for what takes neither."""

    @property
    def address(self) -> str:
        """Where it is in the configuration."""
        return self.resource.address

    @property
    def region(self) -> str:
        """The region that it runs in."""
        return str(self.resource.values["location"])

    @property
    def cell(self) -> str:
        """The cell that it is of."""
        return str((self.resource.values.get("labels") or {}).get("cell"))

    @property
    def template(self) -> Values:
        """The template of its revisions; of a job's tasks."""
        return self.resource.block("template", "template") if self.kind == "job" else self.resource.block("template")

    @property
    def container(self) -> Values:
        """Its one container."""
        containers = self.template["containers"]
        assert len(containers) == 1, self.address
        return dict(containers[0])

    @property
    def account(self) -> str:
        """The e-mail address of its service account."""
        return str(self.template.get("service_account") or "")

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of its container."""
        given = self.container.get("env") or ()
        return {
            each["name"]: FROM_SECRETS[each["name"]] if each.get("value_source") else each["value"] for each in given
        }

    @property
    def most(self) -> int:
        """The greatest number of its instances, which its revisions share; 0 where the service sets none."""
        scaling = self.resource.block("scaling")
        return int(scaling.get("max_instance_count") or scaling.get("manual_instance_count") or 0)

    @property
    def least(self) -> int:
        """How many instances it keeps."""
        scaling = self.resource.block("scaling")
        return int(scaling.get("min_instance_count") or scaling.get("manual_instance_count") or 0)

    @property
    def mounted(self) -> dict[str, str]:
        """The id of the secret that is mounted at each path."""
        volumes = {each["name"]: each.get("secret") for each in self.template.get("volumes") or ()}
        found = {}
        for mount in self.container.get("volume_mounts") or ():
            for secret in volumes[mount["name"]] or ():
                path = secret["items"][0]["path"] if secret.get("items") else ""
                found[f"{mount['mount_path']}/{path}".rstrip("/")] = str(secret["secret"])
        return found


@dataclass
class World:
    """An environment as it is after its plan was applied, for policies to read and for mutations to change."""

    environment: str
    registry: Registry
    resources: list[Resource]
    sources: dict[str, str] = field(default_factory=dict)
    """The text of every .tf file, by its path from the root."""
    promoted: Mapping[str, str] = field(default_factory=dict)
    """The region of cells that are not served at home: the variable `promoted`."""

    def sites(self) -> list[Site]:
        """Where cells are served, or may be: at home, and where a server follows theirs in another region."""
        registry = self.registry
        servers = {each.name: each.values for each in self.of("google_sql_database_instance")}
        elsewhere = {f"cell-{cell}-standby": (cell, registry.standby_of(cell) or "") for cell in registry.cells}
        standbys = [place for name, place in elsewhere.items() if name in servers]
        return [
            Site(
                cell, region, registry.suffix_of(cell, region), self.promoted.get(cell, registry.cells[cell]) == region
            )
            for cell, region in (*registry.cells.items(), *standbys)
        ]

    def site(self, process: "Process") -> Site | None:
        """The site that a process is of; None if there is no such site."""
        return next((each for each in self.sites() if (each.cell, each.region) == (process.cell, process.region)), None)

    def of(self, *types: str) -> list[Resource]:
        """The resources of some types."""
        return [each for each in self.resources if each.type in types]

    def one(self, *types: str) -> Resource:
        """The first resource of some types, for a mutation to change."""
        return self.of(*types)[0]

    def named(self, resource_type: str, name: str) -> Resource | None:
        """The resource of a type and a name or id."""
        return next((e for e in self.of(resource_type) if name in (e.name, e.values.get("id"))), None)

    def processes(self, *roles: str) -> list[Process]:
        """What runs Meridian's image; of some roles only."""
        found = []
        for resource in self.of(*RUN):
            process = Process(resource, RUN[resource.type], "", "")
            arguments = [*(process.container.get("args") or ()), "", ""]
            process.role, process.of = arguments[0], arguments[1]
            if not roles or process.role in roles:
                found.append(process)
        return found

    def process(self, role: str, of: str) -> Process:
        """The first process of a role and row or service."""
        return next(each for each in self.processes(role) if each.of == of)

    def rows(self) -> dict[str, Row]:
        """The rows that exist outside of the local stack."""
        return {name: row for name, row in self.registry.rows.items() if row.environment != "local"}

    def functions(self) -> dict[str, Row]:
        """The rows that are functions of their own."""
        return {name: row for name, row in self.rows().items() if row.scale}

    def public(self) -> dict[str, Row]:
        """The rows that the load balancer serves."""
        return {name: row for name, row in self.rows().items() if row.http and row.ingress != "internal"}

    def blocks(self) -> Iterator[tuple[str, str, Values]]:
        """The resource blocks of the source: type, name, and content as HCL has it (every argument in a list)."""
        for content in parsed(tuple(sorted(self.sources.items()))).values():
            for resource in content.get("resource", ()):
                for resource_type, named in resource.items():
                    for name, block in named.items():
                        yield resource_type, name, block


@cache
def parsed(sources: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """The content of .tf files, by python-hcl2."""
    command = [tool("python"), "-c", _PARSE]
    done = subprocess.run(command, input=json.dumps(dict(sources)), capture_output=True, text=True, check=True)
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def lifecycle(block: Values) -> Values:
    """The arguments of a block's lifecycle; empty without one."""
    found: Values = (block.get("lifecycle") or [{}])[0]
    return found


def account_of(member: str) -> str:
    """The account's name in a member, such as `order` in `serviceAccount:order@p.iam.gserviceaccount.com`."""
    return member.partition(":")[2].partition("@")[0]
