"""Loads functions/registry.yaml, which defines every operation's path, scope, limits, trigger and scaling."""

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from shared import strict_yaml

PATH: Final = Path(__file__).parent.parent / "functions" / "registry.yaml"

Type = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(\.[a-z_]+)+$")]


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A node of the registry; unknown keys are errors."""


class Region(Strict):
    """A region and its cell."""

    cell: str


class Service(Strict):
    """A service: whether it owns a PostgreSQL database, and where its outbox is."""

    database: bool = False
    outbox: Literal["postgres", "firestore"] | None = None

    @property
    def works(self) -> bool:
        """Whether it has an outbox or inboxes, and so a worker and an RPC host."""
        return self.database or self.outbox is not None


class Topic(Strict):
    """A topic: its CloudEvents source, number of partitions (ordering keys), event types, and webhook types."""

    source: str
    partitions: int
    types: list[Type]
    webhooks: list[Type] = []


class Scale(Strict):
    """A function's instances in one region, concurrent requests per instance, and its database pool."""

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
    environment: Literal["local"] | None = None
    cache: str = "no-store"
    media: str = "application/json"
    ingress: Literal["internal"] | None = None
    session: Literal["checked"] | None = None
    if_match: Literal["required"] | None = None
    hosts: Literal["all"] | None = None
    deprecated: Deprecated | None = None
    cached: str | None = None
    replica: Literal["allowed"] | None = None
    secrets: list[str] = []

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
    def eventual(self) -> bool:
        """Whether callers may pass `consistency=eventual` to accept a stale read."""
        return self.method == "GET" and self.scope != "public"


class Registry(Strict):
    """The whole file."""

    regions: dict[str, Region]
    services: dict[str, Service]
    topics: dict[str, Topic]
    scales: dict[str, Scale]
    limits: dict[str, Limit]
    caches: dict[str, Cached]
    operations: dict[str, Row]

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

    def seconds_of(self, row: Row) -> int | None:
        """A function's timeout; None if the row is not a function of its own."""
        return self.scales[row.scale].timeout_seconds if row.scale else None

    def topics_of(self, row: Row) -> list[str]:
        """The topics that a consumer subscribes to."""
        return sorted({self.topic_of(event_type) for event_type in row.event or ()})


@cache
def load(path: Path = PATH) -> Registry:
    """Load and validate the registry.

    Raises msgspec.ValidationError for an unknown key or a wrong value, ValueError for an inconsistent one.
    """
    document = strict_yaml.parse(path.read_text(encoding="utf-8"))
    for name, row in document["operations"].items():
        row["name"] = name
    registry = msgspec.convert(document, Registry)
    for row in registry.operations.values():
        _check(row, registry)
        _check_reads(row, registry)
        _check_poll(row, registry)
    _check_unique(registry)
    return registry


def _check(row: Row, registry: Registry) -> None:
    """Check what types cannot express. Raises ValueError, naming the row."""
    triggers = [t for t in (row.http, row.rpc, row.event, row.schedule, row.poll_seconds) if t]
    if len(triggers) != 1:
        raise ValueError(f"{row.name}: one trigger, not {len(triggers)}")
    for service in (row.service, *row.callers):
        if service not in registry.services:
            raise ValueError(f"{row.name}: no service {service}")
    if row.http and (row.scope is None or not _limited(row, registry) or row.scale not in registry.scales):
        raise ValueError(f"{row.name}: an HTTP row names its scope, limit and scale")
    if row.session and row.scope in (None, "public"):
        raise ValueError(f"{row.name}: only who signed in has a session")
    if row.if_match and row.method not in ("PATCH", "PUT", "DELETE"):
        raise ValueError(f"{row.name}: only what changes a thing asks for its version")
    if (row.rpc and not row.callers) or (row.batch and not row.rpc):
        raise ValueError(f"{row.name}: an RPC row names its callers, and only RPCs are batched")
    if row.event and row.replay is None:
        raise ValueError(f"{row.name}: an event row says how it replays")
    if (row.event or row.schedule) and row.scale not in registry.scales:
        raise ValueError(f"{row.name}: an event or schedule row names its scale")
    if row.deprecated:
        _check_deprecated(row, row.deprecated, registry)
    if uncarried := {*row.emits, *(row.event or ())} - {each for t in registry.topics.values() for each in t.types}:
        raise ValueError(f"{row.name}: no topic carries {min(uncarried)}")


def _limited(row: Row, registry: Registry) -> bool:
    """Whether a route has a rate limit, or needs none: it is public and has no transaction."""
    return row.limit in registry.limits or (row.limit is None and (row.scope, row.transaction) == ("public", "none"))


def _check_deprecated(row: Row, deprecated: Deprecated, registry: Registry) -> None:
    successor = registry.operations.get(deprecated.successor)
    alike = successor is not None and (successor.method, successor.scope) == (row.method, row.scope)
    if not alike or deprecated.sunset <= deprecated.since:
        raise ValueError(f"{row.name}: {deprecated.successor} cannot take its place")


def _check_reads(row: Row, registry: Registry) -> None:
    """Check that only suitable reads use a cache or a replica. Raises ValueError."""
    if row.cached and (row.cached not in registry.caches or row.transaction != "none" or len(row.parameters) != 1):
        raise ValueError(f"{row.name}: what is answered from a cache is one thing, read in no transaction")
    if row.replica and not (row.eventual and registry.services[row.service].database and not row.emits):
        raise ValueError(f"{row.name}: only what reads a database, and writes nothing, reads from a replica")


def _check_poll(row: Row, registry: Registry) -> None:
    """Check that a polling row can run in its worker. Raises ValueError."""
    if bool(row.poll_seconds) != bool(row.worker):
        raise ValueError(f"{row.name}: a polling row names its worker, and no other row does")
    if row.worker == "relay" and row.secrets:
        raise ValueError(f"{row.name}: what holds secrets runs apart from the relay, in the poller")
    if row.worker and not registry.services[row.service].database:
        raise ValueError(f"{row.name}: a polling row has its lock in its service's database")


def _check_unique(registry: Registry) -> None:
    """Check that routes, RPCs and event types are unique. Raises ValueError."""
    answering: dict[str, str] = {}
    for row in registry.operations.values():
        trigger = row.http or row.rpc
        if trigger:
            owner = answering.setdefault(re.sub(r"{\w+}", "{}", trigger), row.name)
            if owner != row.name:
                raise ValueError(f"{row.name}: {trigger} is {owner}'s")
    for name, topic in registry.topics.items():
        if unknown := sorted(set(topic.webhooks) - set(topic.types)):
            raise ValueError(f"{name} tells of {unknown[0]}, which it does not carry")
    types = [event_type for topic in registry.topics.values() for event_type in topic.types]
    if len(set(types)) < len(types):
        raise ValueError(f"{next(t for t in types if types.count(t) > 1)}: one topic carries a type")
