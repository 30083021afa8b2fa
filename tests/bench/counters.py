"""What the processes of a stack have used and done so far, as one flat reading; the difference of two is what it cost.

Of several regions all are the sums of what each region has:

    cpu <process>         CPU seconds by kind of process (psutil), with the children it has waited for
    pg <counter>          commits and rows of all services' databases (pg_stat_database), WAL (pg_stat_wal)
    lsn bytes             WAL by its position (pg_current_wal_lsn): exact at once
    xid writes            transactions and savepoints that wrote, by the ids they have drawn: exact at once
    op <row> <outcome>    runs of a registry row in the functions, events and RPC hosts, by their own metrics

PostgreSQL's backends report their counters when they have been idle for STATISTICS_SECONDS at the latest, so that
pg_* is complete only that long after the work; CPU, LSN, ids and metrics are complete at once.
"""

import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psutil
from pg8000.native import Connection

from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.ports import HOST, metrics_of, store
from emulators.stack.secrets import read as read_secret
from emulators.stack.sites import Site
from emulators.stack.stack import Stack
from shared.registry import Registry
from tests.bench.served import cpu_seconds

STATISTICS_SECONDS: Final = 10.5
"""PostgreSQL's PGSTAT_IDLE_INTERVAL of 10 s, and a little."""

DATABASE: Final = """
    SELECT sum(xact_commit) AS commits, sum(tup_inserted) AS inserted, sum(tup_updated) AS updated,
           sum(tup_deleted) AS deleted
    FROM pg_stat_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"""

WAL: Final = """
    SELECT wal_records, wal_fpi AS wal_full_pages, wal_bytes, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS lsn,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS writes
    FROM pg_stat_wal"""

EXACT: Final = {"lsn": "lsn bytes", "writes": "xid writes"}

OPERATION: Final = re.compile(
    r'^meridian_operation_duration_seconds_count\{kind="[^"]+",operation="([^"]+)",outcome="([^"]+)"\} ([0-9.e+]+)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class Reading:
    """The counters at a time (time.monotonic)."""

    at: float
    counts: Mapping[str, float]


@dataclass(frozen=True)
class Cost:
    """What changed between two readings, in `seconds`."""

    seconds: float
    counts: Mapping[str, float]

    def without(self, idle: "Cost") -> "Cost":
        """Less what an idle stack uses in as long a time."""
        lasted = self.seconds / idle.seconds
        return Cost(
            self.seconds, {name: value - idle.counts.get(name, 0.0) * lasted for name, value in self.counts.items()}
        )

    def per(self, count: int) -> "Cost":
        """The share of each of so many things in it."""
        return Cost(self.seconds / count, {name: value / count for name, value in self.counts.items()})

    def total(self, kind: str) -> float:
        """The sum of the counters of a kind, as in `cpu`."""
        return sum(value for name, value in self.counts.items() if name.startswith(f"{kind} "))

    def of(self, kind: str) -> dict[str, float]:
        """The counters of a kind by name, the largest first."""
        found = {name.partition(" ")[2]: value for name, value in self.counts.items() if name.startswith(f"{kind} ")}
        return dict(sorted(found.items(), key=lambda each: -each[1]))


def difference(before: Reading, after: Reading) -> Cost:
    """What has changed."""
    changed = {name: value - before.counts.get(name, 0.0) for name, value in after.counts.items()}
    return Cost(after.at - before.at, changed)


class Counters:
    """Reads the counters of a stack, those of all its regions added up."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._processes = {each.name: psutil.Process(each.pid) for each in stack.status() if each.pid}
        sites = stack.layout.sites
        self._kinds = {name: kind_of(name, sites) for name in self._processes}
        self._connections = [superuser(stack, "postgres", store("postgres", site, sites)) for site in sites]

    def read(self) -> Reading:
        """The counters now."""
        at, counts = time.monotonic(), defaultdict[str, float](float)
        for name, process in self._processes.items():
            counts[f"cpu {self._kinds[name]}"] += cpu_seconds(process)
        for connection in self._connections:
            for sql in (DATABASE, WAL):
                (row,) = connection.run(sql)
                for column, value in zip(connection.columns or (), row, strict=True):
                    counts[EXACT.get(column["name"], f"pg {column['name']}")] += float(value)
        for name, count in self._operations():
            counts[name] += count
        return Reading(at, counts)

    def _operations(self) -> Iterator[tuple[str, float]]:
        for name in self._processes:
            if name.startswith(("functions-", "events-", "rpc-")):
                url = f"http://{HOST}:{self._stack.ports[metrics_of(name)]}/metrics"
                with urllib.request.urlopen(url, timeout=10) as response:
                    for (row, outcome), count in operations(response.read().decode()).items():
                        yield f"op {row} {outcome}", count

    def close(self) -> None:
        """Close its connections."""
        for connection in self._connections:
            connection.close()


def kind_of(program: str, sites: Sequence[Site]) -> str:
    """The name of a program without that of its site, region or cell: `functions` of `functions-us-central1`."""
    for site in sites:
        for place in (site.name, site.region, site.cell):
            if program.endswith(f"-{place}"):
                return program.removesuffix(f"-{place}")
    return program


def superuser(stack: Stack, database: str, server: str = "postgres") -> Connection:
    """A superuser's connection to a database of a stack. server: the program; one of several is named by its cell."""
    return Connection(
        SUPERUSER,
        host=HOST,
        port=stack.ports[server],
        database=database,
        password=read_secret(stack.layout.secrets, f"{SUPERUSER}.password"),
    )


def operations(metrics: str) -> dict[tuple[str, str], float]:
    """How often each row ran, by row and outcome, from a process's metrics in Prometheus's text format."""
    return {(row, outcome): float(count) for row, outcome, count in OPERATION.findall(metrics)}


def pushes(cost: Cost, registry: Registry) -> float:
    """Deliveries to event rows that were acknowledged; any other response has the message delivered again."""
    return sum(deliveries(cost, registry).values())


def deliveries(cost: Cost, registry: Registry) -> dict[str, float]:
    """The same by row."""
    rows = {row.name for row in registry.event_rows()}
    return {row: count for (row, outcome), count in _outcomes(cost) if row in rows and outcome.startswith("2")}


def redeliveries(cost: Cost, registry: Registry) -> float:
    """Deliveries to event rows that were not acknowledged."""
    rows = {row.name for row in registry.event_rows()}
    return sum(count for name, count in _outcomes(cost) if name[0] in rows and not name[1].startswith("2"))


def rpcs(cost: Cost, registry: Registry) -> dict[str, float]:
    """Calls of RPC rows, by row."""
    found: dict[str, float] = {}
    for (row, _), count in _outcomes(cost):
        if row in registry.rows and registry.rows[row].rpc and count:
            found[row] = found.get(row, 0.0) + count
    return found


def _outcomes(cost: Cost) -> Iterator[tuple[tuple[str, str], float]]:
    for name, count in cost.of("op").items():
        row, _, outcome = name.partition(" ")
        yield (row, outcome), count
