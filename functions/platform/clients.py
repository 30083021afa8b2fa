"""What the platform asks of the services, over gRPC."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from functions.platform.ports import Audited, ParkedStream, Released, Violation
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
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

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

log = logging.getLogger(__name__)

AUDIT_SECONDS: Final = 20
FORGET_SECONDS: Final = 10
FOLLOWING: Final = ("wallet", "supply", "claiming")
"""The services in which a payment has an effect."""


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
        found = [self._check(service, CheckRequest(at=at)) for service in self._services]
        return sum(found, self._custody(at))

    def _custody(self, at: datetime | None) -> Audited:
        request = AuditCustodyRequest(at=at)
        answer = self._channel("wallet").call("Wallet.AuditCustody", request, AuditCustodyResponse, AUDIT_SECONDS)
        return _audited("wallet", answer, answer.unchecked)

    def followed(self, before: datetime) -> Audited:
        found = Audited([], [])
        after = ""
        while True:
            request = ListPaidRequest(before=before, after=after)
            page = self._channel("order").call("Order.ListPaid", request, ListPaidResponse, AUDIT_SECONDS)
            if not page.order_ids:
                return Audited(sorted(set(found.checked)), found.violations)
            for service in FOLLOWING:
                # What cost nothing has no money to follow.
                order_ids = page.charged_ids if service == "wallet" else page.order_ids
                if order_ids:
                    found += self._check(service, _follow(order_ids, page))
            after = page.order_ids[-1]

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

    def _check(self, service: str, request: CheckRequest) -> Audited:
        answer = self._channel(service).call("Audit.Check", request, CheckResponse, AUDIT_SECONDS)
        return _audited(service, answer)


def _audited(service: str, answer: CheckResponse | AuditCustodyResponse, unchecked: Sequence[str] = ()) -> Audited:
    return Audited(
        [f"{service} {name}" for name in answer.checked],
        [Violation(f"{service} {v.invariant}", v.subject, v.detail) for v in answer.violations],
        [f"{service} {name}" for name in unchecked],
    )


def _follow(order_ids: Sequence[str], page: ListPaidResponse) -> CheckRequest:
    """What a service is asked of these orders of a page."""
    wanted = set(order_ids)
    return CheckRequest(
        order_ids=order_ids,
        refunded_ids=[order_id for order_id in page.refunded_ids if order_id in wanted],
        earned_ids=[order_id for order_id in page.earned_ids if order_id in wanted],
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
