"""Purging expired idempotency keys in every service."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.platform.purge_idempotency_keys import BATCH, ROUNDS, purge_idempotency_keys
from shared import ids
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse
from shared.errors import Forbidden
from shared.idempotency import KEPT, Answer, Key
from shared.rpc.channel import RpcChannel
from tests.isolated_services import SERVICES, IsolatedServices
from tests.triggers import Triggers


def keep(isolated: IsolatedServices, service: str, at: datetime, keys: int = 1) -> str:
    """Store responses under so many keys of a caller; returns the caller."""
    caller = ids.new("usr", "us")
    with isolated.resources.database(service).transaction() as transaction:
        for number in range(keys):
            Key(caller, "create_order", f"key-{number}", "fingerprint").keep(transaction, Answer(201, "{}"), at)
    return caller


def kept(isolated: IsolatedServices, service: str, caller: str) -> int:
    """How many keys of a caller are stored."""
    sql = "SELECT count(*) AS n FROM idempotency_keys WHERE caller = :caller"
    return int(isolated.probe.rows(service, sql, caller=caller)[0]["n"])


def forget(isolated: IsolatedServices, service: str, at_most: int = 1000) -> int:
    """Have a service purge at most so many keys; returns how many."""
    request = ForgetRequest(at_most=at_most)
    return isolated.rpc(service, "platform").call("Keys.Forget", request, ForgetResponse).forgotten


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_purges_expired_keys(service: str, isolated: IsolatedServices) -> None:
    """Keys of a day ago, the oldest first, at most so many; none that a client may still repeat."""
    now = datetime.now(UTC)
    forget(isolated, service)
    old, older = keep(isolated, service, now - KEPT, 3), keep(isolated, service, now - 2 * KEPT, 3)
    fresh = keep(isolated, service, now - KEPT + timedelta(minutes=5))
    assert forget(isolated, service, 2) == 2
    assert (kept(isolated, service, older), kept(isolated, service, old), kept(isolated, service, fresh)) == (1, 3, 1)
    assert forget(isolated, service) == 4
    assert (kept(isolated, service, older), kept(isolated, service, old), kept(isolated, service, fresh)) == (0, 0, 1)
    assert forget(isolated, service) == 0


def test_the_schedule_reaches_every_service(isolated: IsolatedServices) -> None:
    """One run leaves no service with an expired key."""
    callers = {service: keep(isolated, service, datetime.now(UTC) - KEPT, 5) for service in SERVICES}
    assert isolated.run("purge_idempotency_keys")["expired"] >= 5 * len(SERVICES)
    assert {kept(isolated, service, caller) for service, caller in callers.items()} == {0}


def test_the_stack_runs_it(triggers: Triggers) -> None:
    """As the scheduler starts it."""
    assert set(triggers.start("purge_idempotency_keys")) == {"expired"}


class FakeServices:
    """Services with expired keys."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.left = dict(keys)
        self.requests: list[int] = []

    def purge_idempotency_keys(self, at_most: int) -> Mapping[str, int]:
        self.requests.append(at_most)
        forgotten = {service: min(at_most, left) for service, left in self.left.items()}
        self.left = {service: left - forgotten[service] for service, left in self.left.items()}
        return forgotten


class FakeWork:
    """The work of a run over such services."""

    def __init__(self, services: FakeServices) -> None:
        self.services: Any = services

    def now(self) -> datetime:
        return datetime.now(UTC)


def test_a_run_ends() -> None:
    """It continues while a service has a full batch, up to a maximum: the rest waits for the next run."""
    few, many = FakeServices({"a": BATCH, "b": 3}), FakeServices({"a": BATCH * ROUNDS + 1})
    assert purge_idempotency_keys(FakeWork(few)) == {"expired": BATCH + 3}
    assert few.requests == [BATCH, BATCH]
    assert purge_idempotency_keys(FakeWork(many)) == {"expired": BATCH * ROUNDS}
    assert many.left == {"a": 1}


def test_only_the_platform_may_call_it(rpc: Callable[[str, str], RpcChannel]) -> None:
    """No other service may purge keys."""
    for caller in ("order", "wallet", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Keys.Forget", ForgetRequest(), ForgetResponse)
