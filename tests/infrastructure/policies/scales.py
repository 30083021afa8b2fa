"""How processes run: their probes, what a region's health depends on, and their scales."""

import re
from collections.abc import Iterator
from functools import cache

from tests.infrastructure.policies import policy
from tests.infrastructure.policies.processes import EXAMPLE
from tests.infrastructure.terraform import ROOT
from tests.infrastructure.world import UNMATCHED, Process, World


@cache
def probes() -> set[str]:
    """The paths of the probes that the code serves."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "shared").rglob("*.py")]
    return {path for text in texts for path in re.findall(r'"(/_probe/\w+)"', text)}


@policy
def probes_are_those_that_a_process_has(world: World) -> Iterator[str]:
    for each in world.processes():
        if each.kind == "job":
            continue
        needed = ["startup_probe", "liveness_probe"]
        needed += ["readiness_probe"] if moves_users(world, each) else []
        for kind in needed:
            probe = (each.container.get(kind) or [{}])[0]
            http, grpc = probe.get("http_get") or [], probe.get("grpc") or []
            if each.role == "rpc" and not grpc:
                yield f"{each.address}: {kind} is not gRPC's"
            wanted = f"/_probe/{ {'startup_probe': 'startup', 'liveness_probe': 'live'}.get(kind, 'ready') }"
            if each.role != "rpc" and [get.get("path") for get in http] != [wanted]:
                yield f"{each.address}: {kind} asks {http}"
            elif each.role != "rpc" and wanted not in probes():
                yield f"{each.address}: nothing serves {wanted}"


@probes_are_those_that_a_process_has.broken_by
def a_probe_of_a_path_that_is_not_there(world: World) -> None:
    world.process(*EXAMPLE).template["containers"][0]["liveness_probe"] = [{"http_get": [{"path": "/healthz"}]}]


@probes_are_those_that_a_process_has.broken_by
def an_rpc_host_without_a_probe(world: World) -> None:
    world.process("rpc", "wallet").template["containers"][0]["startup_probe"] = []


@policy
def regions_fail_over_by_the_rows_that_say_so(world: World) -> Iterator[str]:
    """Service health needs a readiness probe and an instance in every region; rows that do not say so keep none.

    Only a region's first cell has endpoints: of others nobody asks.
    """
    keeps = any(each.least for each in world.processes("function"))
    for each in world.processes("function"):
        failover = moves_users(world, each)
        ready = bool(each.container.get("readiness_probe"))
        if ready != failover or (each.least > 0) != (failover and keeps):
            yield f"{each.address}: {each.least} instances are kept, {'a' if ready else 'no'} readiness probe"
    if world.environment == "production" and not keeps:
        yield "no region's health moves anybody"


def moves_users(world: World, process: Process) -> bool:
    """Whether a region's health depends on a process."""
    row = world.rows().get(process.of)
    first = not world.registry.suffix_of(process.cell, process.region)
    return process.role == "function" and first and (process.of == UNMATCHED or bool(row and row.failover))


@regions_fail_over_by_the_rows_that_say_so.broken_by
def nothing_kept(world: World) -> None:
    world.process(*EXAMPLE).resource.values["scaling"] = [{"min_instance_count": 0, "max_instance_count": 10}]


@policy
def scales_are_those_of_the_registry(world: World) -> Iterator[str]:
    for each in world.processes():
        if each.kind == "job":
            continue
        row = world.rows().get(each.of)
        name = (row.scale if row else "read") if each.role == "function" else "rpc" if each.role == "rpc" else "worker"
        scale = world.registry.scales[name or ""]
        whole = world.environment == "production" and each.kind == "service"
        site = world.site(each)
        if each.kind == "pool" and not (site and site.serves):
            continue  # it is 0: see sites.py
        if not (scale.max_instances if whole else 1) <= each.most <= scale.max_instances:
            yield f"{each.address}: at most {each.most} instances, not {scale.max_instances}"
        if each.kind == "pool":
            continue
        revision = (each.template.get("scaling") or [{}])[0]
        if revision.get("max_instance_count") not in (None, 0) and revision["max_instance_count"] < each.most:
            yield f"{each.address}: a revision has its own maximum"
        if each.template.get("max_instance_request_concurrency") != scale.concurrency:
            yield f"{each.address}: {each.template.get('max_instance_request_concurrency')} requests at once"
        if each.template.get("timeout") != f"{scale.timeout_seconds}s":
            yield f"{each.address}: {each.template.get('timeout')}"


@scales_are_those_of_the_registry.broken_by
def more_instances(world: World) -> None:
    world.process(*EXAMPLE).resource.values["scaling"] = [{"min_instance_count": 1, "max_instance_count": 100}]


@scales_are_those_of_the_registry.broken_by
def another_concurrency(world: World) -> None:
    world.process(*EXAMPLE).template["max_instance_request_concurrency"] = 80
