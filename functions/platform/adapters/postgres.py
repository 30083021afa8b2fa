"""The parts of every service's database: parked events and idempotency keys."""

from collections.abc import Sequence

from functions.platform.domain.parked import ParkedStream, RedriveResult
from functions.platform.ports import KnownPage
from shared.idempotency import forget
from shared.outbox.known import MOST, known_streams
from shared.outbox.redrive import consumer_of, list_parked, redrive
from shared.registry import load
from shared.resources import Resources
from shared.unit_of_work import UnitOfWork


class PostgresParked:
    """The parked events of the service whose host this runs in."""

    def __init__(self, resources: Resources, service: str) -> None:
        self._resources = resources
        self._service = service

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        consumer_of(consumer, self._service)
        with self._resources.database(self._service).transaction() as transaction:
            rows = list_parked(transaction, consumer, after, most)
        return [ParkedStream(consumer, **row) for row in rows]

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> RedriveResult:
        consumer_of(consumer, self._service)
        with self._resources.database(self._service).transaction() as transaction:
            found = redrive(transaction, consumer, streams, self._resources.clock.now(), dry_run=dry_run)
        return RedriveResult(found.streams, found.events, found.left)


class PostgresKnown:
    """How far the consumers of the service whose host this runs in know other cells' streams."""

    def __init__(self, resources: Resources, service: str) -> None:
        self._resources = resources
        self._service = service

    def browse(self, consumer: str, cell: str, after: str) -> KnownPage:
        consumer_of(consumer, self._service)
        with self._resources.database(self._service).transaction() as transaction:
            streams = known_streams(transaction, consumer, cell, after)
        return KnownPage(streams, more=len(streams) == MOST)


class PostgresKeys:
    """The idempotency keys of the service whose host this runs in."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def purge(self, at_most: int) -> int:
        if not load().services[self._work.service].database:
            return 0
        with self._work.transaction() as work:
            return forget(work.current_transaction, work.now(), at_most)
