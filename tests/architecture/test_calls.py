"""Calls between services: contracts, registry rows and clients agree."""

import re
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from shared.registry import load
from tests.architecture.codebase import FUNCTIONS, ROOT, ROWS, SERVICES, modules, name_of, texts

RPCS = [row for row in ROWS if row.rpc]
NAMES = {row.rpc: row for row in RPCS}
CALLED = re.compile(r"[A-Z]\w*\.[A-Z]\w*")
CONTRACTS = sorted(path.stem for path in (ROOT / "shared" / "contracts").glob("*.proto"))


@cache
def calls_of(service: str) -> set[str]:
    """The RPCs that a service's modules name, or the clients of shared/rpc that they import."""
    own = [path for path in modules("functions") if path.is_relative_to(FUNCTIONS / service)]
    sources = [path.read_text(encoding="utf-8") for path in own]
    clients = [
        path for path in modules("shared/rpc") if any(f"from {name_of(path)} import" in source for source in sources)
    ]
    return {str(text.value) for path in [*own, *clients] for text in texts(path) if text.value in NAMES}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_method_has_a_row(contract: str) -> None:
    """Every method of a .proto is served."""
    module: Any = import_module(f"shared.contracts.gen.{contract}_pb2")
    for service in module.DESCRIPTOR.services_by_name.values():
        for method in service.methods:
            assert f"{service.name}.{method.name}" in NAMES


def test_a_row_is_served_by_the_service_of_its_contract() -> None:
    """`Wallet.PlaceHold` is the wallet's; RPCs that every host serves belong to the platform."""
    named = {row.name: "platform" if row.hosts else (row.rpc or "").split(".")[0].lower() for row in RPCS}
    assert {row.name: row.service for row in RPCS} == named


def test_callers_are_those_that_call() -> None:
    """The row's callers are exactly the services that call it."""
    named = {row.rpc: set(row.callers) for row in RPCS if not row.hosts}
    assert named == {rpc: {service for service in SERVICES if rpc in calls_of(service)} for rpc in named}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_calls_what_it_may(service: str) -> None:
    """Each RPC that a service names has the service among its callers."""
    for rpc in calls_of(service):
        assert service in NAMES[rpc].callers


def test_every_consumer_may_read_events() -> None:
    """Consumers fill gaps from the service that owns the stream."""
    (row,) = [row for row in RPCS if row.rpc == "Events.Read"]
    assert {consumer.service for consumer in load().event_rows()} <= set(row.callers)


def test_nobody_calls_what_is_not_there() -> None:
    """Every string in production code that looks like an RPC is one."""
    found = {
        str(text.value)
        for path in modules("functions", "shared")
        for text in texts(path)
        if CALLED.fullmatch(str(text.value))
    }
    assert found <= set(NAMES)
