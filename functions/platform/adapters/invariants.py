"""The invariants of a service's data, as named SQL queries."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from functions.platform.domain.audit import AuditResult, Violation
from shared.contracts.encode import to_json
from shared.contracts.gen.audit_pb2 import Page
from shared.contracts.invariants import of_cell
from shared.errors import Unavailable
from shared.outbox.addressing import stores_of
from shared.outbox.comparison import Comparison
from shared.outbox.source import Sources
from shared.postgres.errors import Cancelled
from shared.postgres.queries import queries_by_name
from shared.postgres.transaction import SNAPSHOT_SECONDS, Row
from shared.registry import Row as EventRow
from shared.registry import load
from shared.resilience.deadline import time_left
from shared.unit_of_work import UnitOfWork

SERVICES: Final = Path(__file__).parent.parent.parent
APPLIED_INVARIANT: Final = "events_are_applied"
UNAPPLIED_AFTER: Final = timedelta(minutes=5)
"""How long an event may take to be applied by a consumer."""

SHARED_AUDITS: Final = [SERVICES.parent / "shared" / part / "sql" / "audit.sql" for part in ("outbox", "jobs")]
LAST_ID: Final = "zzzz"
"""Sorts after every id."""

ANSWER_SECONDS: Final = 0.5
"""How much of its time an audit reserves for its response."""


class PostgresInvariants:
    """The queries of sql/audit.sql, the service's own and the shared ones: each row returned is a violation.

    The comparison with orders is in sql/audit_orders.sql.
    """

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._folder = SERVICES / work.service / "sql"

    def check(self, at: datetime | None) -> AuditResult:
        checks = _checks(*SHARED_AUDITS, self._folder / "audit.sql") if self._stores else {}
        # As of a past time, only queries with an :at parameter can be answered.
        answerable = {name: check for name, check in checks.items() if at is None or ":at" in check.sql}
        settings = self._work.settings
        redeems_on = settings.claim_chain_id if settings.claim_redemption == "relayer" else 0
        result = self._run(answerable, at=at, redeems_on=redeems_on)
        result += AuditResult([], [], sorted(checks.keys() - answerable.keys()))
        return result if at else result + self._unapplied()

    def _unapplied(self) -> AuditResult:
        """Events of other services that this service's consumers have not applied in time. It only reports.

        What another cell cannot be asked is unchecked.
        """
        parts = self._work.resources
        own, others = parts.settings.cell, parts.settings.other_cells
        rows = [row for row in load().of(self._work.service) if row.event]
        result = AuditResult([], [])
        for cell in (own, *others):
            received = [row for row in rows if cell in stores_of(row, own, others)]
            name = APPLIED_INVARIANT if cell == own else of_cell(APPLIED_INVARIANT, cell)
            try:
                found = [Violation(name, *each) for row in received for each in self._lacking(row, cell)]
            except Unavailable:
                if cell == own:
                    raise
                result += AuditResult([], [], [name])
            else:
                result += AuditResult([name] if received else [], found)
        return result

    def _lacking(self, row: EventRow, cell: str) -> Iterator[tuple[str, str]]:
        """What a consumer has not applied in time of a cell's events: subject and detail. Raises Unavailable."""
        parts, service = self._work.resources, self._work.service
        sources = Sources(service, parts, cell)
        database = parts.database(service)
        comparison = Comparison(row, database, sources.list, parts.clock, parts.settings.cell, cell)
        for stream, version in comparison.unapplied(self._work.now() - UNAPPLIED_AFTER):
            yield f"{row.name} {stream}", f"version {version} is not applied"

    def compare(self, page: Page, at: datetime | None) -> AuditResult:
        from google.protobuf.json_format import MessageToDict

        fields = MessageToDict(page, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        return self._run(
            _checks(self._folder / "audit_orders.sql"),
            orders=to_json(fields["orders"]).decode(),
            from_id=page.from_id,
            below_id=page.below_id or LAST_ID,
            settled=page.settled.ToDatetime(UTC),
            at=at or self._work.now(),
        )

    @property
    def _stores(self) -> bool:
        return bool(load().services[self._work.service].database)

    def _run(self, checks: Mapping[str, Any], **parameters: Any) -> AuditResult:
        """Run the checks in one snapshot, as far as the deadline allows."""
        found: dict[str, list[Row]] = {}
        if not checks:
            return AuditResult([], [])
        with self._work.transaction() as work:
            work.current_transaction.snapshot()
            for name, check in checks.items():
                left = time_left(SNAPSHOT_SECONDS) - ANSWER_SECONDS
                if left <= 0:
                    break
                with suppress(Cancelled), work.current_transaction.savepoint():
                    work.current_transaction.limit(left)
                    found[name] = check(work.current_transaction, **parameters, now=work.now())
        return AuditResult(
            list(found),
            [Violation(name, row["subject"], row["detail"]) for name, rows in found.items() for row in rows],
            [name for name in checks if name not in found],
        )


def _checks(*files: Path) -> dict[str, Any]:
    """The queries of these files, by name."""
    return {name: check for path in files for name, check in queries_by_name(path).items()}
