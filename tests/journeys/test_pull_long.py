"""Purchases on a stack whose consumers pull from Pub/Sub, which is killed once, and which then pushes again."""

import urllib.request
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console

from emulators.demo import purchase
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import resources_of
from emulators.stack.environment import EVENT_DELIVERY, PULL, PUSH
from emulators.stack.ports import HOST, functions_host, metrics_of
from emulators.stack.services import consumer_services
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.registry import load
from tests.bench.counters import operations
from tests.chain import REDEEMED_AT_ONCE

FAIRLY_SOON_SECONDS = 120.0


def buys(stack: Stack) -> bool:
    """Whether a purchase goes through: ordered, paid, claimed and settled, with the money where it belongs."""
    with httpx.Client(base_url=stack.edge_url, timeout=60) as edge:
        return purchase.run(edge, Console()) == 0


def pushes(stack: Stack) -> float:
    """How many events the functions host has received."""
    name = metrics_of(functions_host(stack.layout.regions[0]))
    with urllib.request.urlopen(f"http://{HOST}:{stack.ports[name]}/metrics", timeout=10) as response:
        done = operations(response.read().decode())
    rows = {row.name for row in load().event_rows()}
    return sum(count for (row, _), count in done.items() if row in rows)


def consumers(stack: Stack) -> list[str]:
    """The running consumers."""
    return [each.name for each in stack.status() if each.name.startswith("consumer-") and each.pid]


def violations(stack: Stack) -> list[str]:
    """What the audit finds."""
    response = audit(resources_of(stack))
    assert not response.unchecked
    return violations_of(response)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_purchase_whose_events_are_pulled(tmp_path: Path) -> None:
    """Paid and claimed by consumers, without a push; again after Pub/Sub has lost all; and by pushes if so started."""
    with Stack(tmp_path, free_ports=True, overrides={EVENT_DELIVERY: PULL, **REDEEMED_AT_ONCE}) as stack:
        assert len(consumers(stack)) == len(consumer_services(load()))
        assert buys(stack)
        before = {each.name: each.pid for each in stack.status()}
        stack.kill("pubsub")
        assert until(lambda: buys(stack), bool, FAIRLY_SOON_SECONDS)
        after = {each.name: each.pid for each in stack.status()}
        restarted = {name for name, pid in after.items() if pid != before[name]}
        assert restarted == {"pubsub"}
        assert (pushes(stack), violations(stack)) == (0, [])
        ended = [psutil.Process(after[name]) for name in consumers(stack)]
    assert not any(process.is_running() for process in ended)
    with Stack(tmp_path, free_ports=True, overrides={EVENT_DELIVERY: PUSH, **REDEEMED_AT_ONCE}) as stack:
        assert consumers(stack) == []
        assert buys(stack)
        assert pushes(stack) > 0
