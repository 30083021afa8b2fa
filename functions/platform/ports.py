"""What platform operations may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.contracts.gen.audit_pb2 import Page


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that breaks an invariant."""

    invariant: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Audited:
    """The names of the invariants that were checked, what breaks them, and those that could not be checked."""

    checked: list[str]
    violations: list[Violation]
    unchecked: list[str] = field(default_factory=list)

    def __add__(self, other: "Audited") -> "Audited":
        """Both together."""
        return Audited(
            [*self.checked, *other.checked],
            [*self.violations, *other.violations],
            [*self.unchecked, *other.unchecked],
        )


class Dependencies(Protocol):
    """The real parts that requests need."""

    def check(self) -> Mapping[str, str]:
        """The state of each, by name: `ok`, or what is wrong."""

    def breakers(self) -> Mapping[str, str]:
        """The state of this process's circuit breakers, by dependency: `closed`, `open` or `half_open`."""

    def needed(self) -> frozenset[str]:
        """The names of those without which nothing can be served."""


@dataclass(frozen=True, slots=True)
class WantedStreams:
    """Which streams are asked for: those that were added to beyond a position.

    until: nothing beyond that position; all there is if None. types: only their events; all if empty.
    since, before: only what was recorded since, and before.
    """

    after: int
    until: int | None
    types: Sequence[str]
    since: datetime | None
    before: datetime | None


@dataclass(frozen=True, slots=True)
class ListedStreams:
    """Streams as (stream, type, version), the position that they reach to, and whether there are more beyond.

    last: the last position that was given out, also to transactions that are still open.
    """

    streams: Sequence[tuple[str, str, int]]
    position: int
    more: bool
    last: int


class Streams(Protocol):
    """The events of the service in whose host this runs."""

    def read(self, stream: str, from_version: int) -> Sequence[bytes]:
        """Events from a version on, oldest first, as stored JSON."""

    def browse(self, wanted: WantedStreams) -> ListedStreams:
        """A page of streams in the order in which they were last added to."""


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """A stream in which a consumer could not go on: what is wrong with its next event, if it is here; how many wait."""

    consumer: str
    stream: str
    events: int
    version: int
    type: str | None
    event_id: str | None
    reason: str
    error: str | None
    attempts: int
    since: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Released:
    """The streams that were released, how many events are parked in them, and how many streams are left."""

    streams: Sequence[str]
    events: int
    left: int


class Parked(Protocol):
    """What consumers could not apply: of the service in whose host this runs, or of all services."""

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        """Streams of a consumer, the newest first, beyond one already shown. Raises NotFound, Unavailable."""

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> Released:
        """Have streams of a consumer tried again, all if none is named. Raises NotFound, Unavailable."""


class Consumers(Parked, Protocol):
    """The consumers of all services."""

    def names(self) -> Sequence[str]:
        """All of them, in alphabetical order."""


class Invariants(Protocol):
    """What must hold of the data of the service in whose host this runs."""

    def check(self, at: datetime | None) -> Audited:
        """Check everything, as of a past time or of now; what the time does not suffice for is left unchecked."""

    def compare(self, page: Page, at: datetime | None) -> Audited:
        """Compare what is here for orders with what they say, as of a past time or of now."""


class Keys(Protocol):
    """The idempotency keys of the service in whose host this runs."""

    def forget(self, at_most: int) -> int:
        """Delete keys that are past their time. Returns how many."""


class Services(Protocol):
    """The services, as what looks after all of them asks them."""

    def audited(self, at: datetime | None) -> Audited:
        """What each service finds of its own data; what the time does not suffice for is left unchecked.

        Raises Unavailable.
        """

    def compared(self, at: datetime | None, now: datetime) -> Audited:
        """Where services and orders do not agree, as of a past time or of now; what the time does not suffice for is
        left unchecked. Raises Unavailable.
        """

    def forget_keys(self, at_most: int) -> Mapping[str, int]:
        """Have each service delete so many idempotency keys that are past their time; how many, by service."""


class ReadyWork(Protocol):
    """The work of telling whether requests can be served."""

    @property
    def dependencies(self) -> Dependencies:
        """The real parts that requests need."""


class DocumentWork(Protocol):
    """The work of showing the API."""

    def document(self) -> bytes:
        """The OpenAPI document of the whole system."""

    def docs(self) -> bytes:
        """A page of HTML that shows the document."""


class MetricsWork(Protocol):
    """The work of telling what this process counts."""

    def metrics(self) -> bytes:
        """What it counts, in Prometheus's text format."""


class HostWork(Protocol):
    """The work of one operation that runs in every service's RPC host."""

    @property
    def streams(self) -> Streams:
        """The events of the service in whose host this runs."""

    @property
    def parked(self) -> Parked:
        """What its consumers could not apply."""

    @property
    def invariants(self) -> Invariants:
        """What must hold of its data."""

    @property
    def keys(self) -> Keys:
        """Its idempotency keys."""


class OperatorWork(Protocol):
    """The work of an operator who looks after consumers."""

    @property
    def consumers(self) -> Consumers:
        """The consumers of all services."""


class ServicesWork(Protocol):
    """The work of an operation across the services."""

    @property
    def services(self) -> Services:
        """The services, as this operation asks them."""

    def now(self) -> datetime:
        """The present."""
