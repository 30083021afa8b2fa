"""What a region may run at once fits its database server and its subnet."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from tests.infrastructure.policies import policy
from tests.infrastructure.resources import Resource
from tests.infrastructure.world import Process, World

SQL: Final = "google_sql_database_instance"
SUBNET: Final = "google_compute_subnetwork"
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


@policy
def connections_stay_within_the_servers_share(world: World) -> Iterator[str]:
    """With all instances of everything: the rest is for a rollout's overlap, replication, jobs and people."""
    share = world.registry.database.share
    for server in primaries(world):
        region = server.values["region"]
        held = sum(each.most * connections(world, each) for each in world.processes() if each.region == region)
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
