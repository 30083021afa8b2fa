"""The ports of platform operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from functions.platform.domain.audit import AuditResult
from functions.platform.domain.cells import Cell
from functions.platform.domain.figures import Figures
from functions.platform.domain.parked import ParkedStream, RedriveResult
from functions.platform.domain.story import OrderPart, Story
from shared.contracts.gen.audit_pb2 import Page
from shared.contracts.operations import File


class Dependencies(Protocol):
    """The databases and stores that requests depend on."""

    def check(self) -> Mapping[str, str]:
        """The state of each, by name: `ok`, or an error."""

    def breakers(self) -> Mapping[str, str]:
        """The state of this process's circuit breakers, by dependency: `closed`, `open` or `half_open`."""

    def needed(self) -> frozenset[str]:
        """The names of those without which no request can be served."""

    def lags(self) -> Mapping[str, float | None]:
        """By how many seconds what is kept here of each other cell's data is behind; None where that is not known."""


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which streams to list: those with events after a position.

    until: up to this position. types: only these; empty for all. since, before: recorded in this period.
    receiver_field, receiver: only events whose data names this cell by the id in that field, or none; empty for all.
    """

    after: int
    until: int | None
    types: Sequence[str]
    since: datetime | None
    before: datetime | None
    receiver_field: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Streams as (stream, type, version), the position that they reach, and whether there are more after it.

    last: the last position assigned, including those of transactions still open.
    """

    streams: Sequence[tuple[str, str, int]]
    position: int
    more: bool
    last: int


@dataclass(frozen=True, slots=True)
class StreamPart:
    """Events of a stream as stored JSON, oldest first, and the version up to which they are all there are."""

    events: Sequence[bytes]
    through: int


class Streams(Protocol):
    """The events of the service whose host this runs in."""

    def read(self, stream: str, from_version: int, types: Sequence[str]) -> StreamPart:
        """Events from a version on, of some types or, if empty, all."""

    def browse(self, query: StreamQuery) -> StreamPage:
        """A page of streams in the order of their latest events."""


@dataclass(frozen=True, slots=True)
class KnownPage:
    """Streams, each with the last version that a consumer knows, and whether there are more."""

    streams: Sequence[tuple[str, int]]
    more: bool


class Known(Protocol):
    """How far the consumers of the service whose host this runs in know other cells' streams."""

    def browse(self, consumer: str, cell: str, after: str) -> KnownPage:
        """A page of a consumer's streams of a cell, after one. Raises NotFound."""


class Parked(Protocol):
    """Parked events: those of the service whose host this runs in, or of all services."""

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        """Parked streams of a consumer, newest first, after one already shown. Raises NotFound, Unavailable."""

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> RedriveResult:
        """Release streams of a consumer to be retried, all if none is given. Raises NotFound, Unavailable."""


class Consumers(Parked, Protocol):
    """The consumers of all services."""

    def names(self) -> Sequence[str]:
        """Their names, in alphabetical order."""


class Invariants(Protocol):
    """The invariants of the service whose host this runs in."""

    def check(self, at: datetime | None) -> AuditResult:
        """Check all invariants, as of a past time or now; those that the deadline does not allow are left unchecked."""

    def compare(self, page: Page, at: datetime | None) -> AuditResult:
        """Compare this service's records with a page of orders, as of a past time or now."""


class Keys(Protocol):
    """The idempotency keys of the service whose host this runs in."""

    def purge(self, at_most: int) -> int:
        """Delete expired keys. Returns how many."""


class Services(Protocol):
    """The services, for operations across all of them."""

    def check_invariants(self, at: datetime | None) -> AuditResult:
        """Have each service check its own data; what the deadline does not allow is left unchecked.

        Raises Unavailable.
        """

    def compare_with_orders(self, at: datetime | None, now: datetime) -> AuditResult:
        """Have services compare their records with the orders, as of a past time or now; what the deadline does not
        allow is left unchecked. Raises Unavailable.
        """

    def purge_idempotency_keys(self, at_most: int) -> Mapping[str, int]:
        """Have each service delete at most so many expired idempotency keys. Returns how many, by service."""


class FiguresOfService(Protocol):
    """The figures of the service whose host this runs in."""

    def read(self) -> Figures:
        """The figures, as they were at most some seconds ago. Raises Unavailable."""


class FiguresOfServices(Protocol):
    """The figures of this cell's services."""

    def read_all(self) -> tuple[Mapping[str, Figures], Sequence[str]]:
        """The figures by service, and the services that did not answer."""


class OrderParts(Protocol):
    """What the service whose host this runs in has about orders."""

    def tell(self, order_id: str, event_ids: Sequence[str], user_ids: Sequence[str]) -> OrderPart:
        """What it has about an order of this cell; nothing of an unknown one.

        event_ids, user_ids: the order's events, and to whose webhooks they may have been delivered.
        """


class Stories(Protocol):
    """Orders of this cell, as all services know them."""

    def tell(self, order_id: str) -> Story | None:
        """Everything about an order; None if there is no such order. Raises Unavailable."""


class Cells(Protocol):
    """What is known about the cells of this deployment, wherever they are served."""

    def all(self) -> Sequence[Cell]:
        """Each cell, by name. Raises Unavailable."""


class ReadyWork(Protocol):
    """The work of the readiness check."""

    @property
    def dependencies(self) -> Dependencies:
        """The databases and stores that requests depend on."""


class DocumentWork(Protocol):
    """The work of showing the API."""

    def document(self) -> bytes:
        """The OpenAPI document of the whole system."""

    def docs(self) -> bytes:
        """A page of HTML that shows the document."""

    def start(self) -> bytes:
        """A page of HTML that leads to whatever there is to see."""


class PagesWork(Protocol):
    """The work of serving pages."""

    def page(self, folder: str) -> File:
        """The page of a folder, which has one."""

    def page_file(self, folder: str, name: str) -> File:
        """A script or style sheet of a folder. Raises NotFound."""


class MetricsWork(Protocol):
    """The work of exporting this process's metrics."""

    def metrics(self) -> bytes:
        """Its metrics, in Prometheus's text format."""


class HostWork(Protocol):
    """The work of one operation that runs in every service's RPC host."""

    @property
    def streams(self) -> Streams:
        """The events of the service whose host this runs in."""

    @property
    def parked(self) -> Parked:
        """Its consumers' parked events."""

    @property
    def known(self) -> Known:
        """How far its consumers know other cells' streams."""

    @property
    def invariants(self) -> Invariants:
        """Its invariants."""

    @property
    def keys(self) -> Keys:
        """Its idempotency keys."""

    @property
    def figures(self) -> FiguresOfService:
        """Its figures."""

    @property
    def order_parts(self) -> OrderParts:
        """What it has about orders."""


class OperatorWork(Protocol):
    """The work of an operator on consumers."""

    @property
    def consumers(self) -> Consumers:
        """The consumers of all services."""


class ServicesWork(Protocol):
    """The work of an operation across the services."""

    @property
    def services(self) -> Services:
        """The services."""

    def now(self) -> datetime:
        """The present."""


class OverviewWork(ReadyWork, Protocol):
    """The work of watching one cell."""

    @property
    def site(self) -> tuple[str, str]:
        """The cell, and the region that serves it."""

    @property
    def measured(self) -> FiguresOfServices:
        """The figures of its services."""


class StoryWork(Protocol):
    """The work of looking into one order."""

    @property
    def stories(self) -> Stories:
        """Orders, as all services know them."""


class CellsWork(Protocol):
    """The work of looking at the cells."""

    @property
    def cells(self) -> Cells:
        """All cells."""
