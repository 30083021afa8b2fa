"""Forgetting idempotency keys that are past their time, in every service."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.platform.expire_keys import BATCH, ROUNDS, expire_keys
from shared import ids
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.keys_pb2 import ForgetRequest, ForgetResponse
from shared.errors import Forbidden
from shared.idempotency import KEPT, Answer, Key
from tests.island import SERVICES, Island
from tests.triggers import Triggers


def keep(island: Island, service: str, at: datetime, keys: int = 1) -> str:
    """Keep answers under so many keys of somebody; who that is."""
    caller = ids.new("usr", "us")
    with island.resources.database(service).transaction() as transaction:
        for number in range(keys):
            Key(caller, "create_order", f"key-{number}", "fingerprint").keep(transaction, Answer(201, "{}"), at)
    return caller


def kept(island: Island, service: str, caller: str) -> int:
    """How many keys of somebody are known."""
    sql = "SELECT count(*) AS n FROM idempotency_keys WHERE caller = :caller"
    return int(island.books.rows(service, sql, caller=caller)[0]["n"])


def forget(island: Island, service: str, at_most: int = 1000) -> int:
    """Have a service forget so many of its keys; how many those were."""
    request = ForgetRequest(at_most=at_most)
    return island.rpc(service, "platform").call("Keys.Forget", request, ForgetResponse).forgotten


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_forgets_what_is_past_its_time(service: str, island: Island) -> None:
    """Those of a day ago, those first that are oldest, at most so many; none that may still be asked for."""
    now = datetime.now(UTC)
    forget(island, service)
    old, older = keep(island, service, now - KEPT, 3), keep(island, service, now - 2 * KEPT, 3)
    fresh = keep(island, service, now - KEPT + timedelta(minutes=5))
    assert forget(island, service, 2) == 2
    assert (kept(island, service, older), kept(island, service, old), kept(island, service, fresh)) == (1, 3, 1)
    assert forget(island, service) == 4
    assert (kept(island, service, older), kept(island, service, old), kept(island, service, fresh)) == (0, 0, 1)
    assert forget(island, service) == 0


def test_the_schedule_reaches_every_service(island: Island) -> None:
    """One run leaves none of them with a key that is past its time."""
    callers = {service: keep(island, service, datetime.now(UTC) - KEPT, 5) for service in SERVICES}
    assert island.run("expire_keys")["expired"] >= 5 * len(SERVICES)
    assert {kept(island, service, caller) for service, caller in callers.items()} == {0}


def test_the_stack_runs_it(triggers: Triggers) -> None:
    """As the scheduler starts it."""
    assert set(triggers.start("expire_keys")) == {"expired"}


class FakeServices:
    """Services with keys to forget; one that does not answer forgets none."""

    def __init__(self, keys: Mapping[str, int]) -> None:
        self.left = dict(keys)
        self.asked: list[int] = []

    def forget_keys(self, at_most: int) -> Mapping[str, int]:
        self.asked.append(at_most)
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
    """It goes on while a service has more than a batch, and stops after so many: the rest is the next run's."""
    few, many = FakeServices({"a": BATCH, "b": 3}), FakeServices({"a": BATCH * ROUNDS + 1})
    assert expire_keys(FakeWork(few)) == {"expired": BATCH + 3}
    assert few.asked == [BATCH, BATCH]
    assert expire_keys(FakeWork(many)) == {"expired": BATCH * ROUNDS}
    assert many.left == {"a": 1}


def test_only_the_platform_may_ask(rpc: Callable[[str, str], RpcChannel]) -> None:
    """No service forgets at another's word."""
    for caller in ("order", "wallet", ""):
        with pytest.raises(Forbidden):
            rpc("order", caller).call("Keys.Forget", ForgetRequest(), ForgetResponse)
