"""Cells where they are: what serves one knows its own server and hosts and where the others are, promoted or not."""

from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.policies.capacity import SQL
from tests.infrastructure.policies.processes import EXAMPLE, PROMOTER, PROMOTING
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import Process, Site, World, account_of

JOB: Final = "google_cloud_run_v2_job"

PROMOTES_FOR_AT_LEAST: Final = 1800
"""Seconds: somebody has to ask Google for the server's promotion while the job waits."""


def server_at(site: Site, world: World) -> Resource | None:
    """The database server of a cell at a site: its own at home, elsewhere the standby."""
    name = f"cell-{site.cell}" if world.registry.cells[site.cell] == site.region else f"cell-{site.cell}-standby"
    return world.named(SQL, name)


@policy
def processes_use_the_server_of_their_cell_in_their_region(world: World) -> Iterator[str]:
    for site in world.sites():
        server = server_at(site, world)
        if server is None or server.values["region"] != site.region:
            yield f"the cell {site.cell} has no server in {site.region}"
            continue
        for each in at(world, site):
            used = each.environment.get("CLOUD_SQL_INSTANCE", "").split(":")[1:]
            if used not in ([], [site.region, server.name]):
                yield f"{each.address}: its server is {used}"


def at(world: World, site: Site) -> list[Process]:
    """The processes of a site."""
    return [each for each in world.processes() if (each.cell, each.region) == (site.cell, site.region)]


def guest(world: World, role: str) -> Process:
    """A process of a cell where that is not the region's first."""
    return next(each for each in world.processes(role) if world.registry.suffix_of(each.cell, each.region))


def _tell(process: Process, name: str, value: str) -> None:
    for each in process.template["containers"][0]["env"]:
        each["value"] = value if each["name"] == name else each["value"]


@processes_use_the_server_of_their_cell_in_their_region.broken_by
def the_dead_regions_server(world: World) -> None:
    process = guest(world, "rpc")
    primary = f"p:{world.registry.cells[process.cell]}:cell-{process.cell}"
    _tell(process, "CLOUD_SQL_INSTANCE", primary)


@processes_use_the_server_of_their_cell_in_their_region.broken_by
def a_standby_in_a_region_that_has_one(world: World) -> None:
    standby = next(each for each in world.of(SQL) if each.name.endswith("-standby"))
    standby.values["region"] = next(each for each in world.registry.regions if each != standby.values["region"])


@policy
def processes_call_their_own_cells_hosts(world: World) -> Iterator[str]:
    """In their region: the hosts of another cell there are for that one."""
    hosts = {(each.of, each.cell, each.region): each.resource.values["uri"] for each in world.processes("rpc")}
    for each in world.processes():
        for entry in filter(None, each.environment.get("RPC_ADDRESSES", "").split(",")):
            service, _, address = entry.partition("=")
            if f"https://{address}" != f"{hosts.get((service, each.cell, each.region))}:443":
                yield f"{each.address}: {service} is {address}"


@processes_call_their_own_cells_hosts.broken_by
def the_first_cells_hosts(world: World) -> None:
    process = guest(world, "function")
    suffix = world.registry.suffix_of(process.cell, process.region)
    _tell(process, "RPC_ADDRESSES", process.environment["RPC_ADDRESSES"].replace(f"{suffix}-", "-"))


@policy
def other_cells_are_found_wherever_they_may_be_served(world: World) -> Iterator[str]:
    """Their functions and hosts, by the URLs that shared/runtime/forwarding and shared/rpc/hosts.py make."""
    uris = {
        (each.role, each.of, each.cell, each.region): each.resource.values["uri"]
        for each in world.processes("function", "rpc")
    }
    for variable, role, name in (("CELL_URL", "function", "row"), ("RPC_URL", "rpc", "service")):
        forms = {each.environment[variable] for each in world.processes() if variable in each.environment}
        if len(forms) != 1:
            yield f"{variable} is {sorted(forms)}"
        for form in forms:
            for (kind, of, cell, region), uri in uris.items():
                suffix = world.registry.suffix_of(cell, region)
                url = form.format(**{name: of.replace("_", "-")}, suffix=suffix, region=region)
                if kind == role and url != uri:
                    yield f"{of} of {cell} in {region} is at {uri}, and called at {url}"
    for each in world.processes("function"):
        row = world.rows().get(each.of)
        if row and row.http and "CELL_URL" not in each.environment:
            yield f"{each.address}: it hands nothing on"


@other_cells_are_found_wherever_they_may_be_served.broken_by
def a_url_without_the_cell(world: World) -> None:
    for each in world.processes():
        if "RPC_URL" in each.environment:
            _tell(each, "RPC_URL", each.environment["RPC_URL"].replace("{suffix}", ""))


@other_cells_are_found_wherever_they_may_be_served.broken_by
def a_row_that_hands_nothing_on(world: World) -> None:
    container = world.process(*EXAMPLE).template["containers"][0]
    container["env"] = [each for each in container["env"] if each["name"] != "CELL_URL"]


@policy
def workers_run_where_their_cell_is_served(world: World) -> Iterator[str]:
    """Elsewhere everything is there and nothing is kept: functions and hosts start when they are called."""
    serving = {(site.cell, site.region) for site in world.sites() if site.serves}
    for each in world.processes():
        served = (each.cell, each.region) in serving
        if each.kind == "pool" and (each.least > 0) != served:
            yield f"{each.address}: {each.least} instances where the cell is {'' if served else 'not '}served"
        if each.role == "rpc" and each.least and not served:
            yield f"{each.address}: {each.least} instances for nobody"
        if each.kind == "job" and each.resource.values["labels"].get("serves") != str(served).lower():
            yield f"{each.address}: the release takes it for {each.resource.values['labels'].get('serves')}"


@workers_run_where_their_cell_is_served.broken_by
def a_keeper_less(world: World) -> None:
    world.process("keeper", "").resource.values["scaling"] = [{"manual_instance_count": 0}]


@workers_run_where_their_cell_is_served.broken_by
def a_relay_of_a_standby(world: World) -> None:
    guest(world, "relay").resource.values["scaling"] = [{"manual_instance_count": 1}]


@workers_run_where_their_cell_is_served.broken_by
def a_standby_that_the_release_migrates(world: World) -> None:
    guest(world, "migrate").resource.values["labels"]["serves"] = "true"


@policy
def a_cell_can_be_promoted_where_its_standby_is(world: World) -> Iterator[str]:
    """By jobs that are there, as an account of their own, started by people alone; and back again."""
    jobs = {(each.role, each.cell, each.region): each for each in world.processes(*PROMOTING)}
    moving = {site.cell for site in world.sites() if world.registry.cells[site.cell] != site.region}
    for site in world.sites():
        other = next((each for each in world.sites() if each.cell == site.cell and each.region != site.region), None)
        for role in PROMOTING if site.cell in moving else ():
            job = jobs.get((role, site.cell, site.region))
            if job is None:
                yield f"no job {role} for {site.cell} in {site.region}"
                continue
            if account_of(f"x:{job.account}") != PROMOTER:
                yield f"{job.address}: it runs as {job.account}"
            if float(str(job.template.get("timeout")).removesuffix("s")) < PROMOTES_FOR_AT_LEAST:
                yield f"{job.address}: it is ended after {job.template.get('timeout')}"
            server = server_at(other, world) if other else None
            told = [each.rpartition(":")[2] for each in job.container["args"][1:]]
            if role == "lost-tail" and told != [server.name if server else ""]:
                yield f"{job.address}: the other server is {told}"
    for name in ("google_cloud_run_v2_job_iam_member", "google_cloud_run_v2_job_iam_binding"):
        for grant in world.of(name):
            if str(grant.values["name"]).rpartition("/")[2].startswith(PROMOTING):
                yield f"{grant.address}: a machine may start a promotion"
    callers = {
        each.environment.get("RPC_CALLERS", "") for each in (*world.processes("rpc"), *world.processes("migrate"))
    }
    for known in callers:
        if not any(each.startswith(f"{PROMOTER}@") and each.endswith("=promoter") for each in known.split(",")):
            yield f"hosts and databases do not know who promotes: {known}"


@a_cell_can_be_promoted_where_its_standby_is.broken_by
def no_job(world: World) -> None:
    world.resources.remove(guest(world, "promote").resource)


@a_cell_can_be_promoted_where_its_standby_is.broken_by
def as_the_platform(world: World) -> None:
    guest(world, "promote").template["service_account"] = "platform-service@p.iam.gserviceaccount.com"


@a_cell_can_be_promoted_where_its_standby_is.broken_by
def compared_with_itself(world: World) -> None:
    container = guest(world, "lost-tail").template["containers"][0]
    container["args"] = ["lost-tail", guest(world, "lost-tail").environment["CLOUD_SQL_INSTANCE"]]


@a_cell_can_be_promoted_where_its_standby_is.broken_by
def by_the_scheduler(world: World) -> None:
    name = guest(world, "promote").resource.name
    values = {"name": name, "role": "roles/run.invoker", "member": "serviceAccount:scheduler@p.iam.gserviceaccount.com"}
    world.resources.append(Resource("more", "google_cloud_run_v2_job_iam_member", values))


@a_cell_can_be_promoted_where_its_standby_is.broken_by
def a_stranger_to_the_hosts(world: World) -> None:
    host = world.process("rpc", "wallet")
    known = host.environment["RPC_CALLERS"].split(",")
    _tell(host, "RPC_CALLERS", ",".join(each for each in known if not each.endswith("=promoter")))
