"""What a region may run at once fits its cells' database servers, its subnet, and Cloud Run."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import Process, World

SQL: Final = "google_sql_database_instance"
SUBNET: Final = "google_compute_subnetwork"
RUN_AT_MOST: Final = 1000
"""Services, and worker pools, and jobs, of a region: https://cloud.google.com/run/quotas (November 2026)."""

NAME_AT_MOST: Final = 63 - len("previous---") - len("-123456789012")
"""Of a service: with a tag of the rollout's and the project's number it is one label of a host name."""

RESERVED: Final = 4
"""The addresses of a subnet that Google keeps."""


def primaries(world: World) -> list[Resource]:
    """The cells' servers, without replicas."""
    return [each for each in world.of(SQL) if not each.values.get("master_instance_name")]


def flags(server: Resource) -> dict[str, str]:
    """A server's flags."""
    return {each["name"]: each["value"] for each in server.block("settings").get("database_flags") or ()}


def connections(world: World, process: Process) -> int:
    """How many connections an instance holds: its pool, and sessions of its own.

    Those are the notifier of what appends events, a relay's leader lock, and a lock for each polling row.
    """
    owning = [name for name, service in world.registry.services.items() if service.database]
    pool = int(process.environment.get("DATABASE_POOL", 8))
    row = world.rows().get(process.of)
    if process.role == "function":
        if row is None or row.name == "ready":
            return pool * len(owning) if row else 0
        return pool + bool(row.emits) if row.service in owning else 0
    if process.role == "keeper":
        return 2 * len(owning)
    if process.of not in owning:
        return 0
    polling = len([each for each in world.registry.of(process.of) if each.worker == process.role])
    return pool + 1 + (process.role == "relay") + polling


def server_of(process: Process) -> str:
    """The name of the database server that a process connects to; empty for none."""
    return process.environment.get("CLOUD_SQL_INSTANCE", "").rpartition(":")[2]


@policy
def connections_stay_within_the_servers_share(world: World) -> Iterator[str]:
    """With all instances of everything: the rest is for a rollout's overlap, replication, jobs and people."""
    share = world.registry.database.share
    for server in [*primaries(world), *(each for each in world.of(SQL) if each.name.endswith("-standby"))]:
        of = [each for each in world.processes() if each.kind != "job" and server_of(each) == server.name]
        held = sum(each.most * connections(world, each) for each in of)
        most = int(flags(server)["max_connections"])
        if not 0 < held <= most * share:
            yield f"{server.name}: {held} connections, more than {share:.0%} of {most}"


@connections_stay_within_the_servers_share.broken_by
def scales_without_a_budget(world: World) -> None:
    for each in world.processes("function"):
        each.resource.values["scaling"] = [{"min_instance_count": 1, "max_instance_count": 100}]


@connections_stay_within_the_servers_share.broken_by
def a_smaller_server(world: World) -> None:
    for server in primaries(world):
        for flag in server.values["settings"][0]["database_flags"]:
            flag["value"] = "400" if flag["name"] == "max_connections" else flag["value"]


@policy
def subnets_hold_twice_the_instances(world: World) -> Iterator[str]:
    """While a revision takes over from another one, both hold addresses."""
    for region in world.registry.regions:
        used: dict[str, int] = {}
        for each in world.processes():
            if each.region == region and each.kind != "job":
                interface = each.template["vpc_access"][0]["network_interfaces"][0]
                used[interface["subnetwork"]] = used.get(interface["subnetwork"], 0) + each.most
        for name, instances in used.items():
            found = [
                each for each in world.of(SUBNET) if name in (each.values["id"], each.name, each.values["self_link"])
            ]
            subnet = next(each for each in found if each.values["region"] == region)
            size = ipaddress.ip_network(subnet.values["ip_cidr_range"]).num_addresses - RESERVED
            if size < 2 * instances:
                yield f"{subnet.name} of {region}: {size} addresses for {instances} instances"


@subnets_hold_twice_the_instances.broken_by
def a_small_subnet(world: World) -> None:
    for each in world.of(SUBNET):
        each.values["ip_cidr_range"] = "10.0.0.0/24"


@policy
def cloud_run_takes_what_a_region_has(world: World) -> Iterator[str]:
    """Its limits of a project in a region, of services, worker pools and jobs each, are not raised on request."""
    count = Counter((each.kind, each.region) for each in world.processes())
    yield from (f"{number} {kind}s in {region}" for (kind, region), number in count.items() if number > RUN_AT_MOST)
    named = [each.resource.name for each in world.processes("function", "rpc")]
    yield from (f"{name} is too long for its URL with a tag" for name in set(named) if len(name) > NAME_AT_MOST)


@cloud_run_takes_what_a_region_has.broken_by
def a_function_for_everything(world: World) -> None:
    world.resources += [world.process("function", "create_order").resource] * RUN_AT_MOST


@cloud_run_takes_what_a_region_has.broken_by
def a_long_name(world: World) -> None:
    world.process("function", "create_order").resource.values["name"] = "create-order" * 4
