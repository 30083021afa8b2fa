"""Calls between services: contracts, rows and clients say the same."""

import re
from importlib import import_module
from typing import Any

import pytest

from shared.registry import Row, load
from tests.architecture.house import FUNCTIONS, ROOT, ROWS, SERVICES, modules, texts

RPCS = [row for row in ROWS if row.rpc]
NAMES = {row.rpc: row for row in RPCS}
CALLED = re.compile(r"[A-Z]\w*\.[A-Z]\w*")
CONTRACTS = sorted(path.stem for path in (ROOT / "shared" / "contracts").glob("*.proto"))


def calls_of(service: str) -> set[str]:
    """The RPCs that a service's modules name."""
    paths = [path for path in modules("functions") if path.is_relative_to(FUNCTIONS / service)]
    return {str(text.value) for path in paths for text in texts(path) if text.value in NAMES}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_method_has_a_row(contract: str) -> None:
    """What a .proto offers is served."""
    module: Any = import_module(f"shared.contracts.gen.{contract}_pb2")
    for service in module.DESCRIPTOR.services_by_name.values():
        for method in service.methods:
            assert f"{service.name}.{method.name}" in NAMES


@pytest.mark.parametrize("row", RPCS, ids=lambda row: row.name)
def test_a_row_is_served_by_the_service_of_its_contract(row: Row) -> None:
    """`Wallet.PlaceHold` is the wallet's; what every host serves belongs to the platform."""
    assert row.service == ("platform" if row.hosts else (row.rpc or "").split(".")[0].lower())


@pytest.mark.parametrize("row", [row for row in RPCS if not row.hosts], ids=lambda row: row.name)
def test_callers_are_those_that_call(row: Row) -> None:
    """A service that may call and does not is one too many; one that calls and may not is refused."""
    assert set(row.callers) == {service for service in SERVICES if row.rpc in calls_of(service)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_calls_what_it_may(service: str) -> None:
    """Each RPC that a service names has it among its callers."""
    for rpc in calls_of(service):
        assert service in NAMES[rpc].callers


def test_every_consumer_may_read_events() -> None:
    """Whoever consumes events fills gaps from the service that owns them."""
    (row,) = [row for row in RPCS if row.rpc == "Events.Read"]
    assert {consumer.service for consumer in load().event_rows()} <= set(row.callers)


def test_nobody_calls_what_is_not_there() -> None:
    """Every text in production code that looks like an RPC is one."""
    found = {
        str(text.value)
        for path in modules("functions", "shared")
        for text in texts(path)
        if CALLED.fullmatch(str(text.value))
    }
    assert found <= set(NAMES)
