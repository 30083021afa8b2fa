"""Checking the invariants of a service."""

from collections.abc import Callable

import pytest

from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.errors import Forbidden
from shared.postgres.connect import connector
from shared.postgres.database import Database
from shared.registry import load
from shared.rpc.channel import RpcChannel
from tests.isolated_services import SERVICES, IsolatedServices

Rpc = Callable[[str, str], RpcChannel]
HOSTS = [name for name, service in load().services.items() if service.outbox]


def tampered(isolated: IsolatedServices, service: str, sql: str, **parameters: str) -> None:
    """Change something behind the service's back, with the rights of the owner of its tables."""
    connect = connector(isolated.settings, service, f"{service}_owner")
    database = Database(connect, isolated.resources.breaker("database", f"{service} owner", 1))
    with database.transaction() as transaction:
        assert transaction.count(sql, parameters) == 1
    database.close()


def check(channel: RpcChannel) -> CheckResponse:
    return channel.call("Audit.Check", CheckRequest(), CheckResponse, 30)


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_checks_its_own_invariants(rpc: Rpc, host: str) -> None:
    """Those of the event store, and some of the service's; a service without a database has none."""
    checked = set(check(rpc(host, "platform")).checked)
    assert ("streams_have_no_gaps" in checked) == (host in SERVICES)
    assert (len(checked) > 1) == (host in SERVICES)


@pytest.mark.parametrize(
    ("service", "invariant", "break_it", "mend_it"),
    [
        (
            "wallet",
            "balances_are_their_entries",
            "UPDATE accounts SET posted = posted + 1 WHERE wallet_id = :subject",
            "UPDATE accounts SET posted = posted - 1 WHERE wallet_id = :subject",
        ),
        (
            "wallet",
            "held_is_the_sum_of_holds",
            "UPDATE accounts SET held = held + 1 WHERE wallet_id = :subject",
            "UPDATE accounts SET held = held - 1 WHERE wallet_id = :subject",
        ),
    ],
)
def test_a_broken_invariant_is_reported(
    isolated: IsolatedServices, service: str, invariant: str, break_it: str, mend_it: str
) -> None:
    """By its name, with what breaks it; and no more once it is mended."""
    subject = isolated.new_user(USDC=10).wallet_id
    channel = isolated.rpc(service, "platform")

    def broken() -> set[tuple[str, str]]:
        return {(violation.invariant, violation.subject) for violation in check(channel).violations}

    before = broken()
    tampered(isolated, service, break_it, subject=subject)
    assert broken() - before == {(invariant, subject)}
    tampered(isolated, service, mend_it, subject=subject)
    assert broken() == before


def test_stock_that_is_not_its_reservations_is_reported(isolated: IsolatedServices) -> None:
    """A unit that is sold without a buyer does not go unseen."""
    supply = isolated.sell(isolated.new_user())
    move = (
        "UPDATE stock SET available = available - :units, sold = sold + :units WHERE supply_id = :id RETURNING 1 AS one"
    )
    channel = isolated.rpc("supply", "platform")
    isolated.probe.rows("supply", move, id=supply.id, units=1)
    (violation,) = [found for found in check(channel).violations if supply.id in found.subject]
    assert violation.invariant == "stock_is_its_reservations"
    isolated.probe.rows("supply", move, id=supply.id, units=-1)
    assert not [found for found in check(channel).violations if supply.id in found.subject]


@pytest.mark.parametrize("host", HOSTS)
def test_only_the_platform_may_ask(rpc: Rpc, host: str) -> None:
    """Any other caller is refused on every host."""
    for stranger in {"", "nobody", *load().services} - set(load().rows["check_audit"].callers):
        with pytest.raises(Forbidden):
            check(rpc(host, stranger))
