"""The services that the platform calls over gRPC."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from functions.platform.domain.audit import AuditResult, Violation
from functions.platform.domain.parked import ParkedStream, RedriveResult
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse, Page
from shared.contracts.gen.events_pb2 import (
    ListParkedRequest,
    ListParkedResponse,
    RedriveRequest,
    RedriveResponse,
)
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse
from shared.contracts.gen.supply_pb2 import AuditQuotasRequest, AuditQuotasResponse
from shared.contracts.gen.wallet_pb2 import (
    AuditCustodyRequest,
    AuditCustodyResponse,
    AuditTransitsRequest,
    AuditTransitsResponse,
)
from shared.errors import MeridianError, NotFound, Unavailable
from shared.resilience.deadline import time_left

if TYPE_CHECKING:
    from shared.rpc.channel import RpcChannel

log = logging.getLogger(__name__)

AUDIT_SECONDS: Final = 20
RESERVED_SECONDS: Final = 8
"""How much of an audit's time is reserved for the comparison with orders; half of it for that one's last page."""

PURGE_SECONDS: Final = 10
COMPARED: Final = ("wallet", "supply", "claiming")
"""The services whose records are compared with the orders."""

PROPAGATION_TIME: Final = timedelta(minutes=1)
"""How long an order's events may take to be applied in every service."""


class GrpcServices:
    """The services, over gRPC."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", services: Sequence[str]) -> None:
        """
        channel: opens the channel to a service.
        services: those that have a database.
        """
        self._channel = channel
        self._services = services

    def check_invariants(self, at: datetime | None) -> AuditResult:
        seconds = max(1, min(time_left(AUDIT_SECONDS + RESERVED_SECONDS) - RESERVED_SECONDS, AUDIT_SECONDS))
        checks: list[Callable[[], AuditResult]] = [
            partial(self._custody, at),
            partial(self._transits, at),
            partial(self._quotas, at),
            *(partial(self._check, service, CheckRequest(at=at), seconds) for service in self._services),
        ]
        # At once, so that no service uses up the time of others.
        with ThreadPoolExecutor(len(checks), thread_name_prefix="audit") as pool:
            results = [pool.submit(copy_context().run, check) for check in checks]
        return sum((result.result() for result in results), AuditResult([], []))

    def _custody(self, at: datetime | None) -> AuditResult:
        request = AuditCustodyRequest(at=at)
        answer = self._channel("wallet").call("Wallet.AuditCustody", request, AuditCustodyResponse, AUDIT_SECONDS)
        return _result("wallet", answer)

    def _transits(self, at: datetime | None) -> AuditResult:
        request = AuditTransitsRequest(at=at)
        answer = self._channel("wallet").call("Wallet.AuditTransits", request, AuditTransitsResponse, AUDIT_SECONDS)
        return _result("wallet", answer)

    def _quotas(self, at: datetime | None) -> AuditResult:
        """What moved between cells is compared as it is now: its sums have no past."""
        if at is not None:
            return AuditResult([], [])
        request = AuditQuotasRequest()
        answer = self._channel("supply").call("Supply.AuditQuotas", request, AuditQuotasResponse, AUDIT_SECONDS)
        return _result("supply", answer)

    def compare_with_orders(self, at: datetime | None, now: datetime) -> AuditResult:
        found = AuditResult([], [])
        below = ""
        while not found.checked or time_left(AUDIT_SECONDS) > RESERVED_SECONDS / 2:
            request = ListPaidRequest(before=at, below_id=below)
            listed = self._channel("order").call("Order.ListPaid", request, ListPaidResponse, AUDIT_SECONDS)
            page = Page(orders=listed.orders, from_id=listed.from_id, below_id=below)
            page.settled.FromDatetime((at or now) - PROPAGATION_TIME)
            for service in COMPARED:
                found += self._check(service, CheckRequest(at=at, page=page), AUDIT_SECONDS)
            below = listed.from_id
            if not below:
                unchecked = sorted(set(found.unchecked))
                return AuditResult(sorted(set(found.checked) - set(unchecked)), found.violations, unchecked)
        # Time is up: the remaining orders were not compared.
        return AuditResult([], found.violations, sorted({*found.checked, *found.unchecked}))

    def purge_idempotency_keys(self, at_most: int) -> Mapping[str, int]:
        return {service: self._purge(service, at_most) for service in self._services}

    def _purge(self, service: str, at_most: int) -> int:
        """A service that does not respond counts as 0 and does not stop the others."""
        try:
            request = ForgetRequest(at_most=at_most)
            return self._channel(service).call("Keys.Forget", request, ForgetResponse, PURGE_SECONDS).forgotten
        except MeridianError as error:
            log.warning("the idempotency keys of %s were not purged: %s", service, error)
            return 0

    def _check(self, service: str, request: CheckRequest, seconds: float) -> AuditResult:
        return _result(service, self._channel(service).call("Audit.Check", request, CheckResponse, seconds))


def _result(
    service: str, response: CheckResponse | AuditCustodyResponse | AuditTransitsResponse | AuditQuotasResponse
) -> AuditResult:
    return AuditResult(
        [f"{service} {name}" for name in response.checked],
        [Violation(f"{service} {v.invariant}", v.subject, v.detail) for v in response.violations],
        [f"{service} {name}" for name in response.unchecked],
    )


class GrpcConsumers:
    """The consumers of all services, over gRPC."""

    def __init__(
        self, channel: "Callable[[str, str], RpcChannel]", consumers: Mapping[str, str], cells: Sequence[str]
    ) -> None:
        """
        channel: opens the channel to a service in a cell.
        consumers: the service of each.
        cells: those of the deployment, this process's first.
        """
        self._channel = channel
        self._consumers = consumers
        self._cells = cells

    def names(self) -> Sequence[str]:
        return sorted(self._consumers)

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        request = ListParkedRequest(consumer=consumer, after=after or "", most=most)
        answer = self._of(consumer, self._cells[0]).call("Events.ListParked", request, ListParkedResponse)
        return [
            ParkedStream(
                consumer=consumer,
                stream=each.stream,
                events=each.events,
                version=each.version,
                type=each.type or None,
                event_id=each.event_id or None,
                reason=each.reason,
                error=each.error or None,
                attempts=each.attempts,
                since=each.since.ToDatetime(UTC),
                retry_at=each.retry_at.ToDatetime(UTC) if each.HasField("retry_at") else None,
            )
            for each in answer.streams
        ]

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> RedriveResult:
        request = RedriveRequest(consumer=consumer, streams=streams, dry_run=dry_run)
        # Every cell parks by itself. One that cannot be reached stops none of the others, and then is the outcome.
        released, failures = RedriveResult([], 0, 0), []
        for cell in self._cells:
            try:
                answer = self._of(consumer, cell).call("Events.Redrive", request, RedriveResponse)
            except Unavailable as error:
                failures.append(error)
            else:
                released += RedriveResult(list(answer.streams), answer.events, answer.left)
        if failures:
            raise failures[0]
        return released

    def _of(self, consumer: str, cell: str) -> "RpcChannel":
        if consumer not in self._consumers:
            raise NotFound("There is no such consumer.")
        return self._channel(self._consumers[consumer], cell)
