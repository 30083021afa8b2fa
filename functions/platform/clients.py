"""What the platform asks of the services, over gRPC."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from functions.platform.ports import Audited, Violation
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.contracts.gen.order_pb2 import ListPaidRequest, ListPaidResponse

if TYPE_CHECKING:
    from shared.adapters.rpc import RpcChannel

AUDIT_SECONDS: Final = 20
FOLLOWING: Final = ("wallet", "supply", "claiming")
"""The services in which a payment has an effect."""


class ServicesClient:
    """The services, as an auditor asks them."""

    def __init__(self, channel: "Callable[[str], RpcChannel]", services: Sequence[str]) -> None:
        """
        channel: opens the channel to a service.
        services: those that have invariants.
        """
        self._channel = channel
        self._services = services

    def audited(self, at: datetime | None) -> Audited:
        found = [self._check(service, CheckRequest(at=at)) for service in self._services]
        return sum(found, Audited([], []))

    def followed(self, before: datetime) -> Audited:
        found = Audited([], [])
        after = ""
        while True:
            request = ListPaidRequest(before=before, after=after)
            page = self._channel("order").call("Order.ListPaid", request, ListPaidResponse, AUDIT_SECONDS)
            if not page.order_ids:
                return Audited(sorted(set(found.checked)), found.violations)
            for service in FOLLOWING:
                order_ids = page.charged_ids if service == "wallet" else page.order_ids
                if order_ids:
                    found += self._check(service, CheckRequest(order_ids=order_ids))
            after = page.order_ids[-1]

    def _check(self, service: str, request: CheckRequest) -> Audited:
        answer = self._channel(service).call("Audit.Check", request, CheckResponse, AUDIT_SECONDS)
        return Audited(
            [f"{service} {name}" for name in answer.checked],
            [Violation(f"{service} {v.invariant}", v.subject, v.detail) for v in answer.violations],
        )
