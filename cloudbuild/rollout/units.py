"""What a release consists of, and in which order its parts go out: all from the registry.

In each region RPC hosts go first, since they serve callers of both releases; then the region's functions as one group.
Worker pools follow when every region's functions are new: first consumers, which understand both forms of an event,
then the relays that publish them. Keepers are replaced last: a cell's two overlap, and either keeps its lease.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emulators.stack.services import consumer_services, poller_services, relay_services, rpc_services
from shared.registry import Registry

UNMATCHED = "unmatched"
"""The function of requests that match no row; it has no row itself."""


KEEPER = "keeper"
"""The worker pool that keeps the lease of a region's cell."""


class Kind(StrEnum):
    """What a unit is: a Cloud Run service that speaks HTTP or gRPC, or a worker pool."""

    FUNCTION = "function"
    RPC = "rpc"
    POOL = "pool"


@dataclass(frozen=True, order=True)
class Unit:
    """One thing with revisions of its own.

    name: Cloud Run's name of it. serves: the row (function) or service (RPC host, worker pool) of it, or `keeper`.
    """

    region: str
    kind: Kind
    name: str
    serves: str

    def __str__(self) -> str:
        return f"{self.name} in {self.region}"


@dataclass(frozen=True)
class Group:
    """Units of a region that move together: they have the same share of traffic and one verdict."""

    region: str
    name: str
    units: tuple[Unit, ...]

    def __str__(self) -> str:
        return f"{self.name} in {self.region}"


@dataclass(frozen=True)
class Parts:
    """The parts of a release in their order: groups that share traffic, then pools that are replaced."""

    groups: tuple[Group, ...]
    pools: tuple[Unit, ...]

    @property
    def units(self) -> list[Unit]:
        """All that shares traffic."""
        return [unit for group in self.groups for unit in group.units]


def parts(registry: Registry, regions: Sequence[str] = (), *, consumers: bool = False) -> Parts:
    """The parts of a release.

    regions: where it goes, in this order; all by default, the primary last.
    consumers: whether events are pulled, or come by Kafka, so that there are worker pools of consumers.

    Raises ValueError for a region that the registry does not have.
    """
    if unknown := [region for region in regions if region not in registry.regions]:
        raise ValueError(f"There is no region {unknown[0]} in the registry.")
    primary, *others = registry.regions
    chosen = regions or [*others, primary]
    groups = [group for region in chosen for group in _groups(registry, region)]
    roles = {
        "consumer": consumer_services(registry) if consumers else [],
        "relay": relay_services(registry),
        "poller": poller_services(registry),
    }
    pools = [
        Unit(region, Kind.POOL, f"{role}-{service}", service)
        for role, services in roles.items()
        for region in chosen
        for service in services
    ]
    pools += [Unit(region, Kind.POOL, KEEPER, KEEPER) for region in chosen]
    return Parts(tuple(groups), tuple(pools))


def _groups(registry: Registry, region: str) -> Iterable[Group]:
    hosts = tuple(Unit(region, Kind.RPC, f"rpc-{service}", service) for service in rpc_services(registry))
    yield Group(region, "RPC hosts", hosts)
    rows = [*registry.http_rows(), *registry.event_rows(), *registry.scheduled_rows()]
    names = [*(row.name for row in rows if row.environment is None), UNMATCHED]
    functions = tuple(Unit(region, Kind.FUNCTION, name.replace("_", "-"), name) for name in names)
    yield Group(region, "functions", functions)
