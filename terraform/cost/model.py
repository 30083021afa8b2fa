"""Computes a month's cost of an environment: what the registry says there is, and what was measured of an order.

What is kept whether there are orders or not follows from the registry (instances, regions, cells) and from the
environment's variables (sizes). Where a cell's standby is, its processes are there too, and keep nothing. What grows
with orders is counted by them, with figures of `make profile` and `make bench`. Peaks decide how many cells there are,
and averages what is paid by use.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.registry import Registry
from terraform.cost.prices import DAYS, HOURS, SECONDS, dollars

MEMORY_GIB: Final = 0.5
"""Of an instance, beside its one vCPU: terraform/modules/functions."""

FUNCTION_SECONDS: Final = 0.024
HOST_SECONDS: Final = 0.009
WORKER_SECONDS: Final = 0.012
DATABASE_SECONDS: Final = 0.0155
"""CPU of an order, claimed and settled, in functions, RPC hosts, relays and PostgreSQL: what `make profile` showed."""

PUSHES: Final = 14
PUSHES_UNCLAIMED: Final = 7
"""Deliveries of an order's events to functions: when it is claimed, and when it is only paid."""

CLAIMED: Final = 1.0
"""The share of orders that are claimed."""

MESSAGE_KB: Final = 1.5
REQUESTS: Final = 12
"""A buyer's requests for an order: nonce, sign-in, looks at the supply, the order, its state, the claim."""
ANSWER_KIB: Final = 2
READS, WRITES = 14, 4
"""Of Firestore: sessions are checked by writes, nonces used, users read."""
SIGNATURES: Final = 2
"""By keys in HSMs: an access token, and a voucher."""
LOGGED_KIB: Final = 12
STORED_KB: Final = 12
"""What an order leaves in the cells' databases: events, entries, rows and their indexes."""

BUSY: Final = 0.6
"""How busy an instance is when Cloud Run starts another one; and how busy a database server may be at the peak."""
PEAK: Final = 3
"""How much more than the day's average its busiest minutes bring."""
SCHEDULE_SECONDS: Final = 0.2
"""An instance's time for a run of a schedule row that finds nothing to do."""


@dataclass(frozen=True)
class Sizes:
    """What an environment's variables say of its stores: of a server's vCPUs and memory, of nodes."""

    server: tuple[int, float]
    replica: tuple[int, float]
    disk_gb: int
    node: str
    shards: int
    replicas: int


def sizes(text: str) -> Sizes:
    """The sizes in the text of a terraform.tfvars. Raises KeyError for a variable that is missing."""
    given = dict(re.findall(r'^\s*(\w+)\s*=\s*"?([\w-]+)"?', text, re.MULTILINE))
    server = tier(given["tier"])
    replica = tier(given["replica_tier"]) if "replica_tier" in given else server
    nodes = int(given["shards"]), int(given["replicas"])
    return Sizes(server, replica, int(given["disk_gb"]), given["node_type"], *nodes)


def tier(name: str) -> tuple[int, float]:
    """The vCPUs and the memory in GB of a machine type such as `db-custom-4-16384`."""
    found = re.fullmatch(r"db-custom-(\d+)-(\d+)", name)
    if found is None:
        raise ValueError(f"{name} is no db-custom-<vCPUs>-<MB>")
    return int(found[1]), int(found[2]) / 1024


def instance(vcpu: str, memory: str) -> float:
    """A month of one instance, by the names of two prices."""
    return SECONDS * (dollars(vcpu) + MEMORY_GIB * dollars(memory))


def cells(orders: float, of: Sizes, registry: Registry) -> int:
    """How many cells it takes to serve the peak of a day with so many orders."""
    peak = PEAK * orders / 86_400 * DATABASE_SECONDS
    return max(len(registry.cells), math.ceil(peak / (of.server[0] * BUSY)))


def month(registry: Registry, of: Sizes, orders: float) -> dict[str, float]:
    """The dollars of a month, part by part. orders: of a day."""
    return {
        "functions: kept for failover": _kept(registry),
        "functions: requests and pushes": _requests(orders),
        "functions: schedules": _schedules(registry),
        "RPC hosts": _hosts(registry, orders),
        "workers: relays, pollers, keepers": _workers(registry, orders),
        "Cloud SQL": _servers(of, cells(orders, of, registry), orders),
        "Redis": len(registry.regions) * of.shards * (1 + of.replicas) * HOURS * dollars(of.node),
        "Pub/Sub": DAYS * orders * _pushes() * 2 * MESSAGE_KB * 1000 / 2**40 * dollars("pubsub"),
        "Firestore": DAYS * orders * (READS * dollars("firestore read") + WRITES * dollars("firestore write")),
        "load balancer, Cloud Armor, egress": _edge(registry, orders),
        "keys in HSMs": _keys(registry, orders),
        "logs": DAYS * orders * LOGGED_KIB / 2**20 * dollars("logs"),
    }


def _pushes() -> float:
    return CLAIMED * PUSHES + (1 - CLAIMED) * PUSHES_UNCLAIMED


def _kept(registry: Registry) -> float:
    """Idle instances: of failover rows at least one, and one of `unmatched`, of the first cell in every region."""
    rows = [row for row in registry.rows.values() if row.scale and row.environment is None]
    kept = sum(max(registry.scales[row.scale or ""].min_instances, row.failover) for row in rows) + 1
    return kept * len(registry.regions) * instance("idle vCPU", "idle memory")


def _requests(orders: float) -> float:
    busy = FUNCTION_SECONDS / BUSY * (dollars("request vCPU") + MEMORY_GIB * dollars("request memory"))
    return DAYS * orders * (busy + (REQUESTS + _pushes()) * dollars("request"))


def _schedules(registry: Registry) -> float:
    """Each runs every minute, for every cell where it is served."""
    runs = len(registry.scheduled_rows()) * len(registry.cells) * HOURS * 60
    second = dollars("request vCPU") + MEMORY_GIB * dollars("request memory")
    return runs * (SCHEDULE_SECONDS * second + dollars("request"))


def _instances(kept: int, orders: float, seconds: float) -> float:
    """Instances by what is kept, or by what the orders take on the average, whichever is more."""
    needed = orders / 86_400 * seconds / BUSY
    return max(kept, needed) * instance("instance vCPU", "instance memory")


def _hosts(registry: Registry, orders: float) -> float:
    working = sum(service.works for service in registry.services.values())
    kept = working * len(registry.cells) * registry.scales["rpc"].min_instances
    return _instances(kept, orders, HOST_SECONDS)


def _workers(registry: Registry, orders: float) -> float:
    relays = sum(service.works for service in registry.services.values())
    pollers = len({row.service for row in registry.rows.values() if row.worker == "poller"})
    keepers = 1
    kept = (relays + pollers + keepers) * len(registry.cells) * registry.scales["worker"].min_instances
    return _instances(kept, orders, WORKER_SECONDS)


def _servers(of: Sizes, count: int, orders: float) -> float:
    """A primary in two zones, a replica beside it, a standby in another region; a month's orders on all four disks."""
    stored = DAYS * orders * STORED_KB / 1e6 / count
    disk = (of.disk_gb + stored) * dollars("sql disk")

    def machine(size: tuple[int, float]) -> float:
        return HOURS * (size[0] * dollars("sql vCPU") + size[1] * dollars("sql memory")) + disk

    return count * (2 * machine(of.server) + machine(of.replica) + machine(of.server))


def _edge(registry: Registry, orders: float) -> float:
    policies, rules = len(registry.limits) + 1, 9
    fixed = HOURS * dollars("forwarding rules") + policies * (dollars("armor policy") + rules * dollars("armor rule"))
    gib = DAYS * orders * REQUESTS * ANSWER_KIB / 2**20
    moved = gib * (2 * dollars("balanced data") + dollars("egress"))
    return fixed + moved + DAYS * orders * REQUESTS * dollars("armor request")


def _keys(registry: Registry, orders: float) -> float:
    """One voucher key and one of access tokens; each cell's treasury and relayer, where it and its standby are."""
    keys = 2 + 2 * 2 * len(registry.cells)
    return keys * dollars("hsm key") + DAYS * orders * SIGNATURES * dollars("hsm signature")


def read_sizes(environment: str) -> Sizes:
    """The sizes of an environment of this checkout."""
    path = Path(__file__).parent.parent / "environments" / environment / "terraform.tfvars"
    return sizes(path.read_text(encoding="utf-8"))
