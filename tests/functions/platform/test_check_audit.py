"""Checking the invariants of a service."""

from collections.abc import Callable

import pytest

from shared.adapters.connect import connector
from shared.adapters.postgres import Database
from shared.adapters.rpc import RpcChannel
from shared.contracts.gen.audit_pb2 import CheckRequest, CheckResponse
from shared.errors import Forbidden
from shared.registry import load
from tests.island import SERVICES, Island

Rpc = Callable[[str, str], RpcChannel]
HOSTS = [name for name, service in load().services.items() if service.outbox]


def tampered(island: Island, service: str, sql: str, **parameters: str) -> None:
    """Change something behind the service's back, with the rights of the owner of its tables."""
    connect = connector(island.settings, service, f"{service}_owner")
    database = Database(connect, island.resources.breaker("database", f"{service} owner", 1))
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
    island: Island, service: str, invariant: str, break_it: str, mend_it: str
) -> None:
    """By its name, with what breaks it; and no more once it is mended."""
    subject = island.islander(USDC=10).wallet_id
    channel = island.rpc(service, "platform")

    def broken() -> set[tuple[str, str]]:
        return {(violation.invariant, violation.subject) for violation in check(channel).violations}

    before = broken()
    tampered(island, service, break_it, subject=subject)
    assert broken() - before == {(invariant, subject)}
    tampered(island, service, mend_it, subject=subject)
    assert broken() == before


def test_stock_that_is_not_its_reservations_is_reported(island: Island) -> None:
    """A unit that is sold without a buyer does not go unseen."""
    supply = island.sell(island.islander())
    move = (
        "UPDATE stock SET available = available - :units, sold = sold + :units WHERE supply_id = :id RETURNING 1 AS one"
    )
    channel = island.rpc("supply", "platform")
    island.books.rows("supply", move, id=supply.id, units=1)
    (violation,) = [found for found in check(channel).violations if supply.id in found.subject]
    assert violation.invariant == "stock_is_its_reservations"
    island.books.rows("supply", move, id=supply.id, units=-1)
    assert not [found for found in check(channel).violations if supply.id in found.subject]


@pytest.mark.parametrize("host", HOSTS)
def test_only_the_platform_may_ask(rpc: Rpc, host: str) -> None:
    """Whoever else asks is refused on every host."""
    for stranger in {"", "nobody", *load().services} - set(load().rows["check_audit"].callers):
        with pytest.raises(Forbidden):
            check(rpc(host, stranger))
