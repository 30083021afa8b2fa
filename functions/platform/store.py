"""The implementation of the platform's ports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from functions.platform.clients import ConsumersClient, ServicesClient
from functions.platform.ports import Audited, ListedStreams, ParkedStream, Released, Violation, WantedStreams
from shared.adapters.firestore import answering
from shared.adapters.postgres import SNAPSHOT_SECONDS, Row
from shared.adapters.queries import queries
from shared.adapters.resources import Resources
from shared.adapters.verdicts import Cancelled
from shared.contracts.encode import to_json
from shared.contracts.gen.audit_pb2 import Page
from shared.errors import Unavailable
from shared.idempotency import forget
from shared.outbox.comparison import Comparison
from shared.outbox.log import READ_AT_MOST, Wanted
from shared.outbox.redrive import consumer_of, list_parked, redrive
from shared.outbox.source import Sources
from shared.outbox.work import UnitOfWork
from shared.registry import load
from shared.resilience.deadline import time_left
from shared.telemetry import metrics

SERVICES: Final = Path(__file__).parent.parent
APPLIED: Final = "events_are_applied"
UNAPPLIED_AFTER: Final = timedelta(minutes=5)
"""How long an event may be on its way to a consumer."""

DOCUMENT: Final = SERVICES / "openapi.json"
DOCS: Final = Path(__file__).with_name("docs.html")
EVERYWHERE: Final = [SERVICES.parent / "shared" / part / "sql" / "audit.sql" for part in ("outbox", "jobs")]
BEYOND: Final = "zzzz"
"""No id is beyond it."""

ANSWER_SECONDS: Final = 0.5
"""How much of its time an audit keeps for its answer."""


@cache
def docs() -> bytes:
    """Swagger UI and its page in one file, so that it needs no other address and no internet."""
    parts = files("flask_swagger_ui").joinpath("dist")
    page = DOCS.read_text(encoding="utf-8")
    for place, name in (("/*STYLE*/", "swagger-ui.css"), ("/*SCRIPT*/", "swagger-ui-bundle.js")):
        page = page.replace(place, parts.joinpath(name).read_text(encoding="utf-8"))
    return page.encode()


class Work(UnitOfWork):
    """The work of one platform operation."""

    @cached_property
    def dependencies(self) -> "Dependencies":
        """The real parts that requests need."""
        return Dependencies(self.resources)

    @cached_property
    def streams(self) -> "Streams":
        """The events of the service in whose host this runs."""
        return Streams(self)

    @cached_property
    def invariants(self) -> "Invariants":
        """What must hold of the data of the service in whose host this runs."""
        return Invariants(self)

    @cached_property
    def keys(self) -> "Keys":
        """The idempotency keys of the service in whose host this runs."""
        return Keys(self)

    @cached_property
    def parked(self) -> "ParkedStore":
        """What the consumers of the service in whose host this runs could not apply."""
        return ParkedStore(self.resources, self.service)

    @cached_property
    def consumers(self) -> ConsumersClient:
        """The consumers of all services."""
        consumers = {row.name: row.service for row in load().event_rows()}
        return ConsumersClient(lambda service: self.resources.channel(service, "platform"), consumers)

    @cached_property
    def services(self) -> ServicesClient:
        """The services, as what looks after all of them asks them."""
        audited = [name for name, service in load().services.items() if service.database]
        return ServicesClient(lambda service: self.resources.channel(service, "platform"), audited)

    def document(self) -> bytes:
        return DOCUMENT.read_bytes()

    def docs(self) -> bytes:
        return docs()

    def metrics(self) -> bytes:
        return metrics.text()


class Streams:
    """The events of the service in whose host this runs."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def browse(self, wanted: WantedStreams) -> ListedStreams:
        asked = Wanted(**asdict(wanted))
        if self._in_firestore():
            from shared.outbox.firestore import list_streams

            with answering(self._work.resources.breaker("firestore")):
                found = list_streams(self._work.resources.firestore(), asked, self._work.now())
        else:
            with self._work.transaction() as work:
                found = work.events.streams(asked)
        return ListedStreams(**asdict(found))

    def read(self, stream: str, from_version: int) -> Sequence[bytes]:
        if self._in_firestore():
            from shared.outbox.firestore import read_stream

            with answering(self._work.resources.breaker("firestore")):
                found = read_stream(self._work.resources.firestore(), stream, from_version, READ_AT_MOST)
        else:
            with self._work.transaction() as work:
                found = work.events.read(stream, from_version)
        return [to_json(event) for event in found]

    def _in_firestore(self) -> bool:
        return load().services[self._work.service].outbox == "firestore"


class ParkedStore:
    """What the consumers of the service in whose host this runs could not apply."""

    def __init__(self, resources: Resources, service: str) -> None:
        self._resources = resources
        self._service = service

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        consumer_of(consumer, self._service)
        with self._resources.database(self._service).transaction() as transaction:
            rows = list_parked(transaction, consumer, after, most)
        return [ParkedStream(consumer, **row) for row in rows]

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> Released:
        consumer_of(consumer, self._service)
        with self._resources.database(self._service).transaction() as transaction:
            found = redrive(transaction, consumer, streams, self._resources.clock.now(), dry_run=dry_run)
        return Released(found.streams, found.events, found.left)


class Invariants:
    """Every query of sql/audit.sql, the service's and those that all have: a row that comes back is a violation.

    What is compared with orders stands in sql/audit_orders.sql.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._folder = SERVICES / work.service / "sql"

    def check(self, at: datetime | None) -> Audited:
        checks = _checks(*EVERYWHERE, self._folder / "audit.sql") if self._stores else {}
        # As of a past time those can be asked that look at it.
        answerable = {name: check for name, check in checks.items() if at is None or ":at" in check.sql}
        settings = self._work.settings
        redeems_on = settings.claim_chain_id if settings.claim_redemption == "relayer" else 0
        audited = self._run(answerable, at=at, redeems_on=redeems_on)
        audited += Audited([], [], sorted(checks.keys() - answerable.keys()))
        return audited if at else audited + self._unapplied()

    def _unapplied(self) -> Audited:
        """What the consumers of this service have not applied of what others told long ago. It mends nothing."""
        service, parts = self._work.service, self._work.resources
        consumers = [row for row in load().of(service) if row.event]
        sources = Sources(service, parts)
        before = self._work.now() - UNAPPLIED_AFTER
        found = [
            Violation(APPLIED, f"{row.name} {stream}", f"version {version} is not applied")
            for row in consumers
            for stream, version in Comparison(row, parts.database(service), sources.list, parts.clock).unapplied(before)
        ]
        return Audited([APPLIED] if consumers else [], found)

    def compare(self, page: Page, at: datetime | None) -> Audited:
        from google.protobuf.json_format import MessageToDict

        told = MessageToDict(page, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        return self._run(
            _checks(self._folder / "audit_orders.sql"),
            orders=to_json(told["orders"]).decode(),
            from_id=page.from_id,
            below_id=page.below_id or BEYOND,
            settled=page.settled.ToDatetime(UTC),
            at=at or self._work.now(),
        )

    @property
    def _stores(self) -> bool:
        return bool(load().services[self._work.service].database)

    def _run(self, checks: Mapping[str, Any], **parameters: Any) -> Audited:
        """Ask in one picture of the data, for as long as there is time for it."""
        found: dict[str, list[Row]] = {}
        if not checks:
            return Audited([], [])
        with self._work.transaction() as work:
            work.opened.snapshot()
            for name, check in checks.items():
                left = time_left(SNAPSHOT_SECONDS) - ANSWER_SECONDS
                if left <= 0:
                    break
                with suppress(Cancelled), work.opened.savepoint():
                    work.opened.limit(left)
                    found[name] = check(work.opened, **parameters, now=work.now())
        return Audited(
            list(found),
            [Violation(name, row["subject"], row["detail"]) for name, rows in found.items() for row in rows],
            [name for name in checks if name not in found],
        )


@cache
def _checks(*files: Path) -> dict[str, Any]:
    """The queries of these files, by name."""
    audits = [queries(path) for path in files]
    names = [(name, audit) for audit in audits for name in audit.available_queries if not name.endswith("_cursor")]
    return {name: getattr(audit, name) for name, audit in names}


class Keys:
    """The idempotency keys of the service in whose host this runs."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def forget(self, at_most: int) -> int:
        if not load().services[self._work.service].database:
            return 0
        with self._work.transaction() as work:
            return forget(work.opened, work.now(), at_most)


class Dependencies:
    """The real parts that requests need."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._databases = [name for name, service in load().services.items() if service.database]

    def check(self) -> Mapping[str, str]:
        checks: dict[str, Callable[[], Any]] = {"firestore": self._firestore, "redis": self._redis}
        checks |= {f"database {name}": partial(self._database, name) for name in self._databases}
        return {name: _state(probe) for name, probe in checks.items()}

    def breakers(self) -> Mapping[str, str]:
        return {reading.name: reading.state for reading in self._resources.breakers()}

    def needed(self) -> frozenset[str]:
        return frozenset({"firestore", *(f"database {name}" for name in self._databases)})

    def _database(self, name: str) -> None:
        with self._resources.database(name).transaction() as transaction:
            transaction.run("select 1 as one", {})

    def _firestore(self) -> None:
        self._resources.firestore().document("platform/ready").get(timeout=2, retry=None)

    def _redis(self) -> None:
        self._resources.redis().ping()


def _state(probe: Callable[[], Any]) -> str:
    """`ok`, or what went wrong: whatever it is, it is the answer."""
    try:
        probe()
    except Unavailable as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a probe reports every failure
        return type(error).__name__
    return "ok"
