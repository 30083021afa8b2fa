"""A sale during which processes are killed ends like any other."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from emulators.demo import report, sale
from emulators.demo.report import Report
from emulators.demo.runner import resources_of, sites_of
from emulators.stack.environment import ROOT
from emulators.stack.progress import ProgressBars
from emulators.stack.services import poller_services, relay_services, rpc_services
from emulators.stack.stack import Stack
from emulators.waiting import until
from shared.registry import load
from tests.database_probe import DatabaseProbe

SIZE = sale.Size(supplies=2, units=20, buyers=80, at_once=16)
REGION = "us-central1"
FIRST_KILL_SECONDS = 1.0
FEED_SECONDS = 180

WITH_NODE_SECONDS = 2.0
"""Between kills when the chain's node is one of three victims in turn: it saves its state every five seconds, and would
make no progress if it died more often."""

PROCESSES = [
    f"functions-{REGION}",
    f"events-{REGION}",
    *(f"rpc-{service}-{REGION}" for service in rpc_services(load())),
    *(f"relay-{service}-{REGION}" for service in relay_services(load())),
    *(f"poller-{service}-{REGION}" for service in poller_services(load())),
    "postgres",
    "valkey",
    "edge",
]


@contextmanager
def killing(stack: Stack, processes: list[str], every_seconds: float) -> Iterator[list[str]]:
    """Kill these processes in turn, over and over, while the block runs; yields the names killed.

    every_seconds: between two kills, on average. They are random: schedules run every two seconds, and regular kills
    could hit the same job for ever.
    """
    done = threading.Event()
    killed: list[str] = []

    def kill() -> None:
        pause = FIRST_KILL_SECONDS
        while not done.wait(pause):
            name = processes[len(killed) % len(processes)]
            stack.kill(name)
            killed.append(name)
            stack.until_ready(name)
            pause = random.uniform(0.5, 1.5) * every_seconds

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed
    finally:
        done.set()
        killer.join()


def run_sale(stack: Stack, processes: list[str], every_seconds: float) -> tuple[Report, list[str]]:
    """Run a small sale while processes are killed; returns its report, read afterwards, and the names killed."""
    with sale.connections(stack.edge_url, SIZE.at_once) as client:
        with killing(stack, processes, every_seconds) as killed:
            result = sale.run(client, SIZE, ProgressBars(Console(quiet=True)))
        return report.read_back(result, sites_of(stack)), killed


def check(found: Report) -> None:
    """Nothing oversold, claimed twice, invented or lost; every unit sold, every paid order claimed."""
    assert found.failures == []
    assert found.sold == found.units == found.paid == found.claimed == found.vouchers_verified
    assert found.orders_confirmed + found.orders_refused == found.buyers


def missing_in_feeds(probe: DatabaseProbe) -> list[str]:
    """The streams whose last events have not reached the feeds."""
    applied = {
        row["stream"]: row["version"]
        for row in probe.rows("notification", "SELECT stream, version FROM inbox WHERE consumer = 'notify_users'")
    }
    followed = sorted({load().owner_of(event_type) for event_type in load().rows["notify_users"].event or ()})
    last = "SELECT stream, max(version) AS version FROM events GROUP BY stream"
    rows = [row for service in followed for row in probe.rows(service, last)]
    assert rows
    return [row["stream"] for row in rows if applied.get(row["stream"], 0) < row["version"]]


def verify(stack: Stack) -> None:
    """Once all committed events have arrived, every projection equals a rebuild from its events."""
    probe = DatabaseProbe(resources_of(stack))
    until(lambda: missing_in_feeds(probe), lambda streams: not streams, FEED_SECONDS)
    command = [sys.executable, "-m", "functions.main", "replay", "--verify"]
    environment = {**os.environ, **stack.environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = dict(line.split(": ") for line in done.stdout.splitlines())
    assert set(verdicts) == {"orders", "activity", "documents of activity"}
    assert all(not each.startswith("0 ") and each.endswith(", 0 rows differ") for each in verdicts.values()), (
        done.stdout
    )


@pytest.mark.long
def test_sale_survives_one_kill_after_another(fragile: Stack) -> None:
    """Every process is killed in turn during one sale, and no invariant is broken."""
    found, killed = run_sale(fragile, PROCESSES, every_seconds=1.5)
    check(found)
    assert len(killed) >= 5, "the sale was over before anything much was killed"


@pytest.mark.long
@pytest.mark.parametrize("process", PROCESSES)
def test_sale_survives_the_death_of_a_process(fragile: Stack, process: str) -> None:
    """One process is killed repeatedly during a sale, and no invariant is broken.

    Every projection, feeds included, then equals a rebuild from its events.
    """
    found, killed = run_sale(fragile, [process], every_seconds=4)
    check(found)
    assert killed
    verify(fragile)
