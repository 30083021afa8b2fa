"""A sale in which processes are killed ends as one in which none was."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from emulators import report, sale
from emulators.environment import ROOT
from emulators.plays import resources_of
from emulators.programs import relay_services, rpc_services
from emulators.progress import Bars
from emulators.report import Report
from emulators.stack import Stack
from shared.registry import load
from tests.books import Books
from tests.waiting import until

SIZE = sale.Size(supplies=2, units=20, buyers=80, at_once=16)
REGION = "us-central1"
FIRST_KILL_SECONDS = 1.0
TOLD_SECONDS = 180

WITH_NODE_SECONDS = 2.0
"""Between kills where the chain's node is one of three that die in turn: it writes down what it mined every five
seconds, and would never get on if it died more often."""

PROCESSES = [
    f"functions-{REGION}",
    *(f"rpc-{service}-{REGION}" for service in rpc_services(load())),
    *(f"relay-{service}-{REGION}" for service in relay_services(load())),
    "postgres",
    "valkey",
    "edge",
]


@contextmanager
def killing(stack: Stack, processes: list[str], every_seconds: float) -> Iterator[list[str]]:
    """Kill these processes, one after another and over again, while the block runs; yields what was killed.

    every_seconds: between two kills, on average. Schedules beat every two seconds: kills that keep a beat as well may
    meet the same run for ever.
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


def played(stack: Stack, processes: list[str], every_seconds: float) -> tuple[Report, list[str]]:
    """A small sale on a stack whose processes are killed meanwhile, read back when they run again; what was killed."""
    with sale.connections(stack.edge_url, SIZE.at_once) as client:
        with killing(stack, processes, every_seconds) as killed:
            seen = sale.play(client, SIZE, Bars(Console(quiet=True)))
        return report.read_back(seen, resources_of(stack)), killed


def check(found: Report) -> None:
    """The zeros: nothing oversold, claimed twice, made or lost; every unit sold, every paid order claimed."""
    assert found.failures == []
    assert found.sold == found.units == found.paid == found.claimed == found.vouchers_verified
    assert found.orders_confirmed + found.orders_refused == found.buyers


def untold(books: Books) -> list[str]:
    """The streams of which feeds have not heard to the end."""
    heard = {
        row["stream"]: row["version"]
        for row in books.rows("notification", "SELECT stream, version FROM inbox WHERE consumer = 'notify_users'")
    }
    followed = sorted({load().owner_of(event_type) for event_type in load().rows["notify_users"].event or ()})
    last = "SELECT stream, max(version) AS version FROM events GROUP BY stream"
    rows = [row for service in followed for row in books.rows(service, last)]
    assert rows
    return [row["stream"] for row in rows if heard.get(row["stream"], 0) < row["version"]]


def verify(stack: Stack) -> None:
    """Once all that was committed has arrived, every projection is what its events make of it."""
    books = Books(resources_of(stack))
    until(lambda: untold(books), lambda streams: not streams, TOLD_SECONDS)
    command = [sys.executable, "-m", "functions.main", "replay", "--verify"]
    environment = {**os.environ, **stack.environment}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = dict(line.split(": ") for line in done.stdout.splitlines())
    assert set(made) == {"orders", "activity", "documents of activity"}
    assert all(not said.startswith("0 ") and said.endswith(", 0 rows differ") for said in made.values()), done.stdout


@pytest.mark.long
def test_sale_survives_one_kill_after_another(fragile: Stack) -> None:
    """Every process is killed in turn during one sale, and it ends with the zeros."""
    found, killed = played(fragile, PROCESSES, every_seconds=1.5)
    check(found)
    assert len(killed) >= 5, "the sale was over before anything much was killed"


@pytest.mark.long
@pytest.mark.parametrize("process", PROCESSES)
def test_sale_survives_the_death_of_a_process(fragile: Stack, process: str) -> None:
    """One process is killed again and again in the middle of a sale, and it ends with the zeros.

    What is made of events, the feeds of all included, is then equal to what the events make of it.
    """
    found, killed = played(fragile, [process], every_seconds=4)
    check(found)
    assert killed
    verify(fragile)
