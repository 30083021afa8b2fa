"""How the audit asks the services: all of them at once, each for as long as its caller waits."""

from threading import Barrier
from typing import Any

import pytest
from google.protobuf.message import Message

from functions.platform.adapters.clients import AUDIT_SECONDS, RESERVED_SECONDS, GrpcServices
from shared.contracts.gen.audit_pb2 import CheckResponse
from shared.errors import Unavailable
from shared.resilience.deadline import time_left, within

SERVICES = ("order", "supply", "wallet")
BEFORE = ("Wallet.AuditCustody", "Wallet.AuditTransits", "Supply.AuditQuotas")
"""What is checked besides, across the services of a cell and across cells."""


class Channel:
    """A channel to a service that answers once every check has been asked for."""

    def __init__(self, service: str, all_asked: Barrier) -> None:
        self._service = service
        self._all_asked = all_asked

    def call(self, rpc: str, _: Message, answer: type[Any], seconds: float) -> Any:
        self._all_asked.wait()
        assert 0 < seconds <= AUDIT_SECONDS
        assert time_left(1000) <= 30
        found = answer(checked=[rpc.partition(".")[2]])
        if self._service == "supply":
            found.violations.add(invariant="sold", subject="sup", detail="too many")
        return found


def test_every_service_is_asked_at_once() -> None:
    """What they say comes in their order, and who waits for it is known to all that it is asked of."""
    all_asked = Barrier(len(SERVICES) + len(BEFORE), timeout=30)
    services = GrpcServices(lambda service: Channel(service, all_asked), SERVICES)  # type: ignore[arg-type,return-value]
    with within(30):
        found = services.check_invariants(None)
    besides = ["wallet AuditCustody", "wallet AuditTransits", "supply AuditQuotas"]
    assert found.checked == [*besides, *(f"{service} Check" for service in SERVICES)]
    assert [each.invariant for each in found.violations] == ["supply sold"] * 2
    assert found.unchecked == []


@pytest.mark.parametrize("left", [10, 20])
def test_a_service_gets_what_is_left_but_for_the_comparison_with_orders(left: int) -> None:
    given: list[float] = []

    class Noting:
        def call(self, rpc: str, _: Message, answer: type[Any], seconds: float) -> Any:
            if answer is CheckResponse:
                given.append(seconds)
            return answer()

    with within(left):
        GrpcServices(lambda _: Noting(), SERVICES).check_invariants(None)  # type: ignore[arg-type,return-value]
    assert given == [pytest.approx(left - RESERVED_SECONDS, abs=1)] * len(SERVICES)


def test_one_that_does_not_answer_fails_the_audit() -> None:
    class Silent:
        def call(self, *_: object) -> Any:
            raise Unavailable("No answer.")

    with pytest.raises(Unavailable, match="No answer"):
        GrpcServices(lambda _: Silent(), SERVICES).check_invariants(None)  # type: ignore[arg-type,return-value]
