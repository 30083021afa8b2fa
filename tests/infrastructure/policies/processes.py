"""What runs: each process once at every site, by the one image, under its name, and only for its callers."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.world import RUN, UNMATCHED, Process, World, account_of, lifecycle

INTERNAL: Final = "INGRESS_TRAFFIC_INTERNAL_ONLY"
BALANCED: Final = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"

PLATFORM: Final = "platform"
KEEPER: Final = "keeper"
"""The role that is of a cell, and of no service."""

RELEASER: Final = "build-releaser"

PROMOTER: Final = "cell-promoter"
PROMOTING: Final = ("promote", "lost-tail")
"""The jobs of a promotion, and their account."""

LEFT_TO_THE_ROLLOUT: Final = ("image", "revision", "traffic", "client", "client_version")

EXAMPLE: Final = ("function", "create_order")
"""What mutations change."""


def expected(world: World) -> Counter[tuple[str, str, str, str]]:
    """Every process that there has to be: its role, row or service, cell and region."""
    registry = world.registry
    working = {name: service for name, service in registry.services.items() if service.works}
    roles = [("function", name) for name in (*world.functions(), UNMATCHED)]
    roles += [("rpc", name) for name in working]
    roles += [("relay", name) for name in working]
    roles += [("poller", name) for name in working if any(row.worker == "poller" for row in registry.of(name))]
    roles += [(KEEPER, "")]
    return Counter((role, of, site.cell, site.region) for role, of in roles for site in world.sites())


@policy
def every_process_runs_once_at_every_site(world: World) -> Iterator[str]:
    processes = [each for each in world.processes() if each.kind != "job"]
    found = Counter((each.role, each.of, each.cell, each.region) for each in processes)
    wanted = expected(world)
    for missing in wanted - found:
        yield f"{' '.join(missing)} is missing"
    for surplus in found - wanted:
        if surplus[0] != "consumer":  # where events are pulled: see events.py
            yield f"{' '.join(surplus)} is one too many"


@every_process_runs_once_at_every_site.broken_by
def a_region_without_a_row(world: World) -> None:
    world.resources.remove(world.process(*EXAMPLE).resource)


@every_process_runs_once_at_every_site.broken_by
def a_process_without_arguments(world: World) -> None:
    world.process("rpc", "wallet").template["containers"][0]["args"] = []


@policy
def every_process_is_named_by_its_row(world: World) -> Iterator[str]:
    """The rollout finds processes by these names and labels."""
    for each in world.processes():
        suffix = world.registry.suffix_of(each.cell, each.region)
        if f"{base_name(world, each)}{suffix}" != each.resource.name:
            yield f"{each.address}: {each.role} {each.of} of {each.cell} is named {each.resource.name}"
        labels = each.resource.values.get("labels") or {}
        if each.kind != "job" and labels.get("service") != service_of(world, each):
            yield f"{each.address}: the label service is {labels.get('service')}"
        if each.role == "function" and labels.get("row") != base_name(world, each):
            yield f"{each.address}: the label row is {labels.get('row')}"
        if each.kind == "job" and labels.get("job") != each.role:
            yield f"{each.address}: the label job is {labels.get('job')}"


def base_name(world: World, process: Process) -> str:
    """What a process is called, but for what tells cells of a region apart."""
    if process.role in PROMOTING:  # these are of a cell wherever they are
        return f"{process.role}-{process.cell}".removesuffix(world.registry.suffix_of(process.cell, process.region))
    if process.role == "function":
        return process.of.replace("_", "-")
    return "-".join(
        filter(None, (process.role, service_of(world, process) if process.role == "replay" else process.of))
    )


@every_process_is_named_by_its_row.broken_by
def a_row_by_another_name(world: World) -> None:
    world.process(*EXAMPLE).resource.values["name"] = "orders"


@policy
def images_are_named_by_digest(world: World) -> Iterator[str]:
    for each in world.processes():
        if not re.search(r"@sha256:[0-9a-f]{64}$", each.container["image"]):
            yield f"{each.address}: {each.container['image']}"
    if len({each.container["image"] for each in world.processes()}) != 1:
        yield "more than one image"


@images_are_named_by_digest.broken_by
def an_image_by_tag(world: World) -> None:
    for each in world.processes():
        each.template["containers"][0]["image"] = "us-docker.pkg.dev/project/meridian/meridian:latest"


@policy
def only_its_callers_reach_a_process(world: World) -> Iterator[str]:
    """By the kind of trigger: ingress, the default URL, and whether Cloud Run checks the caller.

    A cell that is not its region's first one is called by functions of that one, and so from inside.

    The default URL is on: Google's callers and the rollout's smoke tests use it. Ingress keeps everybody else out.
    """
    for each in world.processes("function", "rpc"):
        values = each.resource.values
        first = not world.registry.suffix_of(each.cell, each.region)
        balanced = each.role == "function" and first and (each.of == UNMATCHED or each.of in world.public())
        if values.get("ingress") != (BALANCED if balanced else INTERNAL):
            yield f"{each.address}: {values.get('ingress')}"
        if values.get("default_uri_disabled"):
            yield f"{each.address}: no URL to call it by"
        if bool(values.get("invoker_iam_disabled")) != (each.role == "function"):
            yield f"{each.address}: {'nobody' if each.role == 'rpc' else 'Cloud Run'} checks its callers"


@only_its_callers_reach_a_process.broken_by
def an_event_row_open_to_the_world(world: World) -> None:
    world.process("function", "capture_hold").resource.values["ingress"] = "INGRESS_TRAFFIC_ALL"


@only_its_callers_reach_a_process.broken_by
def a_way_around_the_load_balancer(world: World) -> None:
    world.process(*EXAMPLE).resource.values["ingress"] = "INGRESS_TRAFFIC_ALL"


@only_its_callers_reach_a_process.broken_by
def no_url_for_pushes(world: World) -> None:
    world.process("function", "capture_hold").resource.values["default_uri_disabled"] = True


@only_its_callers_reach_a_process.broken_by
def an_rpc_host_for_everybody(world: World) -> None:
    world.process("rpc", "wallet").resource.values["invoker_iam_disabled"] = True


@policy
def rpc_hosts_are_called_by_the_services_that_the_registry_names(world: World) -> Iterator[str]:
    """And by the releaser, whose smoke tests ask for their health; where there are standbys, by who promotes them."""
    accounts = {service_of(world, each): account_of(f"x:{each.account}") for each in world.processes()}
    others = {RELEASER, *([PROMOTER] if world.processes("promote") else [])}
    for each in world.processes("rpc"):
        found = set()
        for grant in world.of(*(f"google_cloud_run_v2_service_iam_{kind}" for kind in ("member", "binding"))):
            values = grant.values
            if (values["name"].rpartition("/")[2], values["location"]) == (each.resource.name, each.region):
                found |= {(values["role"], account_of(m)) for m in values.get("members") or [values["member"]]}
        callers = {caller for row in world.registry.hosted_rpcs(each.of) for caller in row.callers}
        wanted = {("roles/run.invoker", caller) for caller in {*(accounts[each] for each in callers), *others}}
        if found != wanted:
            yield f"{each.address}: too many {sorted(found - wanted)}, too few {sorted(wanted - found)}"


def service_of(world: World, process: Process) -> str:
    """The service that a process belongs to; of a job its own name, but for those that act as a service."""
    if process.role == "function":
        return world.rows()[process.of].service if process.of in world.rows() else PLATFORM
    if process.kind == "job":
        replaying = process.resource.name.removesuffix(world.registry.suffix_of(process.cell, process.region))
        named = {"audit": PLATFORM, "replay": replaying.rpartition("-")[2], **dict.fromkeys(PROMOTING, PROMOTER)}
        return named.get(process.role, process.role)
    return process.of or process.role


@rpc_hosts_are_called_by_the_services_that_the_registry_names.broken_by
def another_caller(world: World) -> None:
    kinds = ("google_cloud_run_v2_service_iam_member", "google_cloud_run_v2_service_iam_binding")
    grant = world.one(*kinds)
    stranger = "serviceAccount:stranger@project.iam.gserviceaccount.com"
    grant.values["member" if "member" in grant.values else "members"] = (
        stranger if "member" in grant.values else [*grant.values["members"], stranger]
    )


@policy
def every_service_has_an_account_of_its_own(world: World) -> Iterator[str]:
    accounts: dict[str, set[str]] = {}
    for each in world.processes():
        accounts.setdefault(each.account, set()).add(service_of(world, each))
    for email, services in accounts.items():
        if not email or "compute@developer" in email or len(services) > 1:
            yield f"{email or 'the default account'} is that of {sorted(services)}"


@every_service_has_an_account_of_its_own.broken_by
def the_default_account(world: World) -> None:
    world.process(*EXAMPLE).template["service_account"] = "1-compute@developer.gserviceaccount.com"


@policy
def the_rollout_owns_revisions(world: World) -> Iterator[str]:
    """Terraform ignores what the rollout changes; tests show that a plan after a rollout is empty."""
    kinds = [kind for kind, of in RUN.items() if of != "job"]
    for kind, name, block in world.blocks():
        if kind not in kinds:
            continue
        ignored = " ".join(str(each) for each in (lifecycle(block).get("ignore_changes") or [[]])[0])
        split = "instance_splits" if "worker_pool" in kind else "traffic"
        for part in (*LEFT_TO_THE_ROLLOUT, split):
            if part == "traffic" and split != part:
                continue
            if not re.search(rf"\b{part}\b", ignored):
                yield f"{kind}.{name}: {part} is not ignored"
    if any(each.resource.values.get("multi_region_settings") for each in world.processes()):
        yield "a multi-region service, which has no regions to roll out one after another"


@the_rollout_owns_revisions.broken_by
def traffic_owned_by_terraform(world: World) -> None:
    world.sources = {path: re.sub(r"\btraffic,", "", text) for path, text in world.sources.items()}


@the_rollout_owns_revisions.broken_by
def a_multi_region_service(world: World) -> None:
    world.process(*EXAMPLE).resource.values["multi_region_settings"] = [{"regions": ["us-central1"]}]


@policy
def processes_are_in_the_network(world: World) -> Iterator[str]:
    """They reach stores by private addresses, and everything else through the network's egress rules."""
    for each in world.processes():
        access = (each.template.get("vpc_access") or [{}])[0]
        if not access.get("network_interfaces") or access.get("egress") != "ALL_TRAFFIC":
            yield f"{each.address}: {access.get('egress') or 'no network'}"


@processes_are_in_the_network.broken_by
def a_process_outside(world: World) -> None:
    world.process(*EXAMPLE).template["vpc_access"] = []
