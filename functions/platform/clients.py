"""What the platform asks of the services, over gRPC."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from functions.platform.ports import Audited, ParkedStream, Released, Violation
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse, Page
from shared.contracts.gen.events_pb2 import (
    ListParkedRequest,
    ListParkedResponse,
    RedriveRequest,
    RedriveResponse,
)
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse
from shared.contracts.gen.wallet_pb2 import AuditCustodyRequest, AuditCustodyResponse
from shared.errors import MeridianError, NotFound
from shared.resilience.deadline import time_left

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

log = logging.getLogger(__name__)

AUDIT_SECONDS: Final = 20
KEPT_SECONDS: Final = 8
"""How much of an audit's time is left to the comparison of orders, and within that to its last page."""

FORGET_SECONDS: Final = 10
COMPARED: Final = ("wallet", "supply", "claiming")
"""The services in which orders have effects."""

UNDER_WAY: Final = timedelta(minutes=1)
"""How long the effects of what happened to an order may take to reach every service."""


class ServicesClient:
    """The services, as what looks after all of them asks them."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", services: Sequence[str]) -> None:
        """
        channel: opens the channel to a service.
        services: those that have a database.
        """
        self._channel = channel
        self._services = services

    def audited(self, at: datetime | None) -> Audited:
        found = self._custody(at)
        for place, service in enumerate(self._services):
            # No service takes the time of those behind it.
            left = (time_left(AUDIT_SECONDS * len(self._services)) - KEPT_SECONDS) / (len(self._services) - place)
            found += self._check(service, CheckRequest(at=at), max(1, min(left, AUDIT_SECONDS)))
        return found

    def _custody(self, at: datetime | None) -> Audited:
        request = AuditCustodyRequest(at=at)
        answer = self._channel("wallet").call("Wallet.AuditCustody", request, AuditCustodyResponse, AUDIT_SECONDS)
        return _audited("wallet", answer)

    def compared(self, at: datetime | None, now: datetime) -> Audited:
        found = Audited([], [])
        below = ""
        while not found.checked or time_left(AUDIT_SECONDS) > KEPT_SECONDS / 2:
            request = ListPaidRequest(before=at, below_id=below)
            listed = self._channel("order").call("Order.ListPaid", request, ListPaidResponse, AUDIT_SECONDS)
            page = Page(orders=listed.orders, from_id=listed.from_id, below_id=below)
            page.settled.FromDatetime((at or now) - UNDER_WAY)
            for service in COMPARED:
                found += self._check(service, CheckRequest(at=at, page=page), AUDIT_SECONDS)
            below = listed.from_id
            if not below:
                unchecked = sorted(set(found.unchecked))
                return Audited(sorted(set(found.checked) - set(unchecked)), found.violations, unchecked)
        # The orders below were not looked at.
        return Audited([], found.violations, sorted({*found.checked, *found.unchecked}))

    def forget_keys(self, at_most: int) -> Mapping[str, int]:
        return {service: self._forget(service, at_most) for service in self._services}

    def _forget(self, service: str, at_most: int) -> int:
        """A service that does not answer does not keep the others."""
        try:
            request = ForgetRequest(at_most=at_most)
            return self._channel(service).call("Keys.Forget", request, ForgetResponse, FORGET_SECONDS).forgotten
        except MeridianError as error:
            log.warning("the keys of %s wait: %s", service, error)
            return 0

    def _check(self, service: str, request: CheckRequest, seconds: float) -> Audited:
        return _audited(service, self._channel(service).call("Audit.Check", request, CheckResponse, seconds))


def _audited(service: str, answer: CheckResponse | AuditCustodyResponse) -> Audited:
    return Audited(
        [f"{service} {name}" for name in answer.checked],
        [Violation(f"{service} {v.invariant}", v.subject, v.detail) for v in answer.violations],
        [f"{service} {name}" for name in answer.unchecked],
    )


class ConsumersClient:
    """The consumers of all services, asked of their services."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", consumers: Mapping[str, str]) -> None:
        """
        channel: opens the channel to a service.
        consumers: the service of each.
        """
        self._channel = channel
        self._consumers = consumers

    def names(self) -> Sequence[str]:
        return sorted(self._consumers)

    def browse(self, consumer: str, after: str | None, most: int) -> Sequence[ParkedStream]:
        request = ListParkedRequest(consumer=consumer, after=after or "", most=most)
        answer = self._of(consumer).call("Events.ListParked", request, ListParkedResponse)
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

    def redrive(self, consumer: str, streams: Sequence[str], dry_run: bool) -> Released:
        request = RedriveRequest(consumer=consumer, streams=streams, dry_run=dry_run)
        answer = self._of(consumer).call("Events.Redrive", request, RedriveResponse)
        return Released(list(answer.streams), answer.events, answer.left)

    def _of(self, consumer: str) -> "RpcChannel":
        if consumer not in self._consumers:
            raise NotFound("There is no such consumer.")
        return self._channel(self._consumers[consumer])
