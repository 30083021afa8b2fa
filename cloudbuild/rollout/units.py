"""What a release consists of, and in which order its parts go out: all from the registry.

In each region RPC hosts go first, since they serve callers of both releases; then the region's functions as one group:
those of all cells that are at home there, or may be promoted to it, and so may be called at any time. Worker pools
follow when every region's functions are new: first consumers, which understand both forms of an event, then the relays
that publish them. Keepers are replaced last: a cell's two overlap, and either keeps its lease.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emulators.stack.services import consumer_services, poller_services, relay_services, rpc_services
from shared.registry import Registry

UNMATCHED = "unmatched"
"""The function of requests that match no row; it has no row itself."""


KEEPER = "keeper"
"""The worker pool that keeps the lease of a cell."""


class Kind(StrEnum):
    """What a unit is: a Cloud Run service that speaks HTTP or gRPC, or a worker pool."""

    FUNCTION = "function"
    RPC = "rpc"
    POOL = "pool"


@dataclass(frozen=True, order=True)
class Unit:
    """One thing with revisions of its own.

    name: Cloud Run's name of it: what it serves and, if it is not of the region's first cell, the cell. serves: the row
    (function) or service (RPC host, worker pool) of it, or `keeper`.
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


def parts(registry: Registry, regions: Sequence[str] = (), *, consumers: bool = False, standbys: bool = True) -> Parts:
    """The parts of a release.

    regions: where it goes, in this order; all by default, the primary last.
    consumers: whether events are pulled, or come by Kafka, so that there are worker pools of consumers.
    standbys: whether cells have standbys in other regions, and so processes there.

    Raises ValueError for a region that the registry does not have.
    """
    if unknown := [region for region in regions if region not in registry.regions]:
        raise ValueError(f"There is no region {unknown[0]} in the registry.")
    primary, *others = registry.regions
    sites = [_Site(registry, region, standbys) for region in regions or [*others, primary]]
    groups = [group for site in sites for group in _groups(site)]
    roles = {
        "consumer": consumer_services(registry) if consumers else [],
        "relay": relay_services(registry),
        "poller": poller_services(registry),
    }
    pools = [
        unit
        for role, services in roles.items()
        for site in sites
        for service in services
        for unit in site.units(Kind.POOL, f"{role}-{service}", service)
    ]
    pools += [unit for site in sites for unit in site.units(Kind.POOL, KEEPER, KEEPER)]
    return Parts(tuple(groups), tuple(pools))


class _Site:
    """A region with the cells that have processes there."""

    def __init__(self, registry: Registry, region: str, standbys: bool) -> None:
        self.registry = registry
        self.region = region
        at_home = [cell for cell, home in registry.cells.items() if home == region]
        guests = [cell for cell in registry.cells if standbys and registry.standby_of(cell) == region]
        self._suffixes = [registry.suffix_of(cell, region) for cell in (*at_home, *guests)]

    def units(self, kind: Kind, name: str, serves: str) -> Iterator[Unit]:
        """A unit of each cell."""
        return (Unit(self.region, kind, f"{name}{suffix}", serves) for suffix in self._suffixes)


def _groups(site: _Site) -> Iterable[Group]:
    services = rpc_services(site.registry)
    hosts = tuple(unit for each in services for unit in site.units(Kind.RPC, f"rpc-{each}", each))
    yield Group(site.region, "RPC hosts", hosts)
    rows = [*site.registry.http_rows(), *site.registry.event_rows(), *site.registry.scheduled_rows()]
    names = [*(row.name for row in rows if row.environment is None), UNMATCHED]
    functions = tuple(unit for name in names for unit in site.units(Kind.FUNCTION, name.replace("_", "-"), name))
    yield Group(site.region, "functions", functions)
