"""Loads functions/registry.yaml, which defines every operation's path, scope, limits, trigger and scaling."""

import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from shared import ids
from shared.cells.words import Kind

PATH: Final = Path(__file__).parent.parent / "functions" / "registry.yaml"

RegionName = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
"""A region's name."""

Type = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(\.[a-z_]+)+$")]


class Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A node of the registry; unknown keys are errors."""


class DatabaseServer(Strict):
    """A cell's database server: its greatest number of connections, and the share of them that processes may hold."""

    connections: Annotated[int, msgspec.Meta(ge=1)]
    share: Annotated[float, msgspec.Meta(gt=0, lt=1)]


class Service(Strict):
    """A service: whether it owns a PostgreSQL database, and where its outbox is."""

    database: bool = False
    outbox: Literal["postgres", "firestore"] | None = None

    @property
    def works(self) -> bool:
        """Whether it has an outbox or inboxes, and so a worker and an RPC host."""
        return self.database or self.outbox is not None


class Topic(Strict):
    """A topic: its CloudEvents source, number of partitions (ordering keys), event types, webhook types, kept types."""

    source: str
    partitions: int
    types: list[Type]
    webhooks: list[Type] = []
    kept: list[Type] = []


class Scale(Strict):
    """Instances in one region, concurrent requests of an instance, its connections to a database, a request's deadline.

    The instances are those of the Cloud Run service, which its revisions share.
    """

    min_instances: int
    max_instances: int
    concurrency: int
    pool: int
    timeout_seconds: int


class Rate(Strict):
    """A rate limit: requests per second, and the burst."""

    rate: int
    burst: int


class Limit(Strict):
    """The limits of a profile: per signed-in user, per Ethereum address in the request, per network address."""

    ip: Rate
    user: Rate | None = None
    address: Rate | None = None
    kept: Literal["always"] | None = None
    """`always`: requests are refused while Redis is down, when instances can only count by themselves."""


class Deprecated(Strict):
    """When a route was deprecated, when it may be removed, and the operation that replaces it."""

    since: date
    sunset: date
    successor: str


class Cached(Strict):
    """For how many seconds a kind of resource is cached at most, and for how many its absence."""

    seconds: float
    absent_seconds: float


class Row(Strict):
    """One operation. See the head of registry.yaml for what the keys mean."""

    service: str
    name: str = ""
    http: str | None = None
    rpc: str | None = None
    event: list[Type] | None = None
    schedule: str | None = None
    poll_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    worker: Literal["relay", "poller"] | None = None
    timeout_seconds: Annotated[int, msgspec.Meta(ge=1)] = 60
    scope: str | None = None
    success: int = 200
    idempotency: Literal["required"] | None = None
    transaction: Literal["one", "saga", "none"] = "one"
    limit: str | None = None
    scale: str | None = None
    emits: list[Type] = []
    callers: list[str] = []
    batch: str | None = None
    replay: Literal["rebuild", "fill"] | None = None
    attempts: Annotated[int, msgspec.Meta(ge=1)] = 10
    cells: Literal["own", "others", "all"] = "own"
    """Whose events an event row receives: those of its own cell, of the other cells, or of all."""
    receiver: str | None = None
    """The field of other cells' events that names, by an id of it, the one cell that receives them; None: each does."""
    environment: Literal["local"] | None = None
    cache: str = "no-store"
    anonymous: str | None = None
    """The Cache-Control of what it answers to who sends no token; None if it wants one, or never looks at one."""
    media: str = "application/json"
    ingress: Literal["internal"] | None = None
    session: Literal["checked"] | None = None
    if_match: Literal["required"] | None = None
    hosts: Literal["all"] | None = None
    deprecated: Deprecated | None = None
    cached: str | None = None
    replica: Literal["allowed"] | None = None
    copied: str | None = None
    failover: bool = False
    secrets: list[str] = []
    home: Literal["path", "caller", "any", "all"] | None = None
    """Which cells answer; of every HTTP row once the registry is loaded."""
    spans: str | None = None
    merged: list[str] = []
    waits: bool = False
    gate: Kind | None = None
    """What its answers are, if they wait at the cell's gate."""

    @property
    def method(self) -> str:
        """The HTTP method of an HTTP row."""
        return (self.http or "").split(" ")[0]

    @property
    def path(self) -> str:
        """The path template of an HTTP row."""
        return (self.http or "").split(" ")[1]

    @property
    def parameters(self) -> list[str]:
        """The names of the path's parameters."""
        return re.findall(r"{(\w+)}", self.http or "")

    @property
    def reads(self) -> bool:
        """Whether an HTTP row only reads (a safe method, RFC 9110, 9.2.1)."""
        return self.method == "GET"

    @property
    def usual_home(self) -> Literal["path", "caller", "any"] | None:
        """Which cell answers an HTTP row that does not say: see the head of registry.yaml."""
        if not self.http:
            return None
        if self.scope == "public":
            return "any"
        return "path" if self.parameters else "caller"

    def sources(self, own: str, others: Sequence[str]) -> list[str]:
        """The cells whose events an event row receives in a cell.

        own: that cell. others: the deployment's other ones.
        """
        return [*([own] if self.cells != "others" else []), *(others if self.cells != "own" else [])]

    @property
    def eventual(self) -> bool:
        """Whether callers may pass `consistency=eventual` to accept a stale read."""
        return self.method == "GET" and self.scope != "public"


class Registry(Strict):
    """The whole file."""

    cells: dict[Annotated[str, msgspec.Meta(pattern=f"^{ids.CELL}$")], RegionName]
    """The region that serves each cell at first. A cell's name is a part of ids."""
    database: DatabaseServer
    services: dict[str, Service]
    topics: dict[str, Topic]
    scales: dict[str, Scale]
    limits: dict[str, Limit]
    caches: dict[str, Cached]
    operations: dict[str, Row]

    @property
    def regions(self) -> list[str]:
        """The regions, the primary first."""
        return list(dict.fromkeys(self.cells.values()))

    def cell_of(self, region: str) -> str:
        """The first cell that a region serves. Raises KeyError if there is none."""
        for cell, served in self.cells.items():
            if served == region:
                return cell
        raise KeyError(region)

    def standby_of(self, cell: str) -> str | None:
        """The region of a cell's standby, which it may be promoted to: the one after its own. None with one region."""
        regions = self.regions
        after = regions[(regions.index(self.cells[cell]) + 1) % len(regions)]
        return None if after == self.cells[cell] else after

    def suffix_of(self, cell: str, region: str) -> str:
        """What a cell's processes in a region are called besides: nothing for the region's first cell, else `-<cell>`.

        Raises KeyError for a region that no cell is at home in.
        """
        return "" if self.cell_of(region) == cell else f"-{cell}"

    @property
    def rows(self) -> dict[str, Row]:
        """The operations by name."""
        return self.operations

    def of(self, service: str) -> list[Row]:
        """The rows of one service."""
        return [row for row in self.operations.values() if row.service == service]

    def http_rows(self) -> list[Row]:
        """The rows that serve HTTP requests."""
        return [row for row in self.operations.values() if row.http]

    def event_rows(self) -> list[Row]:
        """The rows that consume events: each is a consumer with its own subscription and inbox."""
        return [row for row in self.rows.values() if row.event]

    def consumers_of(self, event_type: str) -> list[Row]:
        """The event rows that handle a type."""
        return [row for row in self.operations.values() if event_type in (row.event or ())]

    def scheduled_rows(self) -> list[Row]:
        """The rows that the scheduler starts."""
        return [row for row in self.operations.values() if row.schedule]

    def hosted_rpcs(self, service: str) -> list[Row]:
        """The rows that the RPC host of a service serves: its own, and those that every host serves."""
        everywhere = self.services[service].works
        return [r for r in self.rows.values() if r.rpc and (r.service == service or (r.hosts == "all" and everywhere))]

    def topic_of(self, event_type: str) -> str:
        """The topic of an event type. Raises KeyError if there is none."""
        for name, topic in self.topics.items():
            if event_type in topic.types:
                return name
        raise KeyError(event_type)

    def webhook_types(self) -> list[str]:
        """The event types that webhooks can subscribe to, in alphabetical order."""
        return sorted(event_type for topic in self.topics.values() for event_type in topic.webhooks)

    def owner_of(self, event_type: str) -> str:
        """The service whose rows emit an event type. Raises StopIteration if there is none."""
        return next(row.service for row in self.operations.values() if event_type in row.emits)

    def in_documents(self, row: Row) -> bool:
        """Whether an event row's sources keep their events in Firestore, of which all cells have the same."""
        return {self.services[self.owner_of(each)].outbox for each in row.event or ()} == {"firestore"}

    def seconds_of(self, row: Row) -> int | None:
        """A function's timeout; None if the row is not a function of its own."""
        return self.scales[row.scale].timeout_seconds if row.scale else None

    def topics_of(self, row: Row) -> list[str]:
        """The topics that a consumer subscribes to."""
        return sorted({self.topic_of(event_type) for event_type in row.event or ()})


@cache
def load(path: Path = PATH) -> Registry:
    """Load the registry, from its compiled form if that is of the same file.

    Raises msgspec.ValidationError for an unknown key or a wrong value, ValueError for an inconsistent one.
    """
    from shared import registry_file

    yaml = path.read_bytes()
    return registry_file.compiled(path, yaml) or registry_file.parse(yaml.decode())
