"""Public list prices in US dollars, Iowa (us-central1), in one table. Discounts and free tiers are left out.

Other regions cost up to a quarter more. `read` is when the price was taken down; compare before you budget.
"""

from dataclasses import dataclass
from typing import Final

HOURS: Final = 730
SECONDS: Final = HOURS * 3600
DAYS: Final = HOURS / 24
"""A month, as Google's calculator has it."""


@dataclass(frozen=True)
class Price:
    """A list price. page: where Google publishes it, below cloud.google.com."""

    dollars: float
    per: str
    page: str
    read: str = "2026-11"


PRICES: Final[dict[str, Price]] = {
    # Cloud Run, billed by request: while an instance answers, and while it is kept idle.
    "request vCPU": Price(0.000024, "vCPU-second", "run/pricing"),
    "request memory": Price(0.0000025, "GiB-second", "run/pricing"),
    "request": Price(0.40e-6, "request", "run/pricing"),
    "idle vCPU": Price(0.0000025, "vCPU-second", "run/pricing"),
    "idle memory": Price(0.0000025, "GiB-second", "run/pricing"),
    # Cloud Run, billed by instance: RPC hosts and worker pools.
    "instance vCPU": Price(0.000018, "vCPU-second", "run/pricing"),
    "instance memory": Price(0.000002, "GiB-second", "run/pricing"),
    # Cloud SQL for PostgreSQL, Enterprise edition. High availability doubles all three.
    "sql vCPU": Price(0.0413, "vCPU-hour", "sql/pricing"),
    "sql memory": Price(0.0070, "GB-hour", "sql/pricing"),
    "sql disk": Price(0.17, "GB-month", "sql/pricing"),
    # Memorystore for Redis Cluster, by node type.
    "REDIS_SHARED_CORE_NANO": Price(0.0273, "node-hour", "memorystore/docs/cluster/pricing"),
    "REDIS_STANDARD_SMALL": Price(0.1157, "node-hour", "memorystore/docs/cluster/pricing"),
    "REDIS_HIGHMEM_MEDIUM": Price(0.2085, "node-hour", "memorystore/docs/cluster/pricing"),
    "REDIS_HIGHMEM_XLARGE": Price(0.8946, "node-hour", "memorystore/docs/cluster/pricing"),
    # Pub/Sub counts what is published and what is delivered, each message as 1 kB at least.
    "pubsub": Price(40.0, "TiB", "pubsub/pricing"),
    # Firestore in a multi-region.
    "firestore read": Price(0.06e-5, "read", "firestore/pricing"),
    "firestore write": Price(0.18e-5, "write", "firestore/pricing"),
    # The way in.
    "forwarding rules": Price(0.025, "hour for up to five", "load-balancing/pricing"),
    "balanced data": Price(0.008, "GiB", "load-balancing/pricing"),
    "armor policy": Price(5.0, "month", "armor/pricing"),
    "armor rule": Price(1.0, "month", "armor/pricing"),
    "armor request": Price(0.75e-6, "request", "armor/pricing"),
    "egress": Price(0.085, "GiB", "vpc/network-pricing"),
    # Keys in HSMs (elliptic curves), and what is logged.
    "hsm key": Price(2.50, "version and month", "kms/pricing"),
    "hsm signature": Price(0.15e-4, "operation", "kms/pricing"),
    "logs": Price(0.50, "GiB", "stackdriver/pricing"),
}


def dollars(name: str) -> float:
    """A price. Raises KeyError for one that is not in the table."""
    return PRICES[name].dollars
