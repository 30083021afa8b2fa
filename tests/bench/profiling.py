"""Shows where a paid order's time goes: `make profile`, or `make profile ARGS="--orders 400 --bus kafka"` (or pull).

It starts a stack of its own on free ports, plays orders through the edge by 16 connections until they are settled
(paid, units sold, claims open), and prints per order: CPU by process and, for the functions host and the events host,
by layer, PostgreSQL's work, statements, RPCs, pushes, WAL by relation. What the idle stack uses in as long a time is
subtracted, and shown. Flame graphs of both hosts are written to .local/profile-*.svg. Layers and flame graphs are of
further orders, which py-spy slows down.

With ARGS="--regions 3" it plays the orders of the bench of three regions, in as many, and prints the sums of all of
them: CPU by kind of process, PostgreSQL's work, RPCs, deliveries; `--regions 1` the same orders in one, to compare.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from unittest.mock import patch

import psutil
from rich.console import Console
from rich.table import Table

from emulators.stack.environment import EVENT_BUS, EVENT_DELIVERY, KAFKA, PUBSUB, PULL
from emulators.stack.parts import postgres
from emulators.stack.ports import events_host, functions_host
from shared.registry import load
from tests.bench import wal
from tests.bench.cost import idle_and_reported
from tests.bench.counters import (
    STATISTICS_SECONDS,
    Cost,
    Counters,
    deliveries,
    difference,
    pushes,
    redeliveries,
    rpcs,
    superuser,
)
from tests.bench.load import CONNECTIONS
from tests.bench.regions import AT_ONCE, IDLE_SECONDS, Regions, opened
from tests.bench.regions import ORDERS as ORDERS_OF_A_PLAY
from tests.bench.results import significant
from tests.bench.samples import NoPermission, Recording, by_layer
from tests.bench.shop import SUPPLIES, Shop, open_shop

BUSES: Final = {PUBSUB: {EVENT_BUS: PUBSUB}, KAFKA: {EVENT_BUS: KAFKA}, PULL: {EVENT_DELIVERY: PULL}}
"""What a stack is started with, by how its events go."""

FOLDER: Final = Path(".local")
HOSTS: Final = {"functions": functions_host, "events": events_host}
"""What is sampled: how a process is named in a region."""

ORDERS: Final = 200

STATEMENTS: Final = "shared_preload_libraries"
"""pg_stat_statements counts every statement of a client, BEGIN and COMMIT among them; several go in one message."""

CALLS: Final = """
    SELECT rolname, sum(calls)::bigint FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
    WHERE rolname <> 'postgres' GROUP BY 1"""

TABLES: Final = """
    SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd > 0"""


def main(arguments: Sequence[str]) -> int:
    """Profile, and print."""
    parser = argparse.ArgumentParser(prog="make profile ARGS=...", description="Where a paid order's time goes.")
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders to play")
    parser.add_argument("--supplies", type=int, default=1, choices=range(1, SUPPLIES + 1), help="of how many supplies")
    parser.add_argument("--bus", default=PUBSUB, choices=list(BUSES), help="how events go: pushed, pulled, or by Kafka")
    parser.add_argument("--regions", type=int, choices=(1, 3), help="the orders of the bench of regions, in so many")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="with --regions: so many under way at a time")
    given = parser.parse_args(arguments)
    FOLDER.mkdir(exist_ok=True)
    console = Console()
    if given.regions:
        with opened(given.regions, given.at_once) as regions:
            profile_regions(regions, given.orders, console)
        return 0
    with (
        patch.dict(postgres.SETTINGS, {STATEMENTS: "pg_stat_statements"}),
        console.status("starting a stack"),
        open_shop(BUSES[given.bus]) as shop,
    ):
        profile(shop, given.orders, given.supplies, console)
    return 0


def profile(shop: Shop, orders: int, supplies: int, console: Console) -> None:
    """Measure a shop, and print what is found."""
    server = superuser(shop.stack, "postgres")
    server.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    resting = idle_and_reported(shop)
    polled = shop.polls
    statements, tables, before = _statements(shop), _tables(shop), shop.counters.read()
    since = wal.position(server)
    orders, rate = _play(shop, orders, supplies)
    settled, until = difference(before, shop.counters.read()), wal.position(server)
    time.sleep(STATISTICS_SECONDS)
    complete = difference(before, shop.counters.read()).without(resting)
    statements = {name: count - statements.get(name, 0.0) for name, count in _statements(shop).items()}
    tables = {name: count - tables.get(name, 0.0) for name, count in _tables(shop).items()}
    shares = wal.by_relation(shop.stack, server, since, until)
    server.close()
    console.print(f"{orders} orders, {rate:,.0f} confirmed/s, settled in {settled.seconds:.1f} s\n")
    show_cpu(settled, settled.without(resting), orders, console)
    show_work(complete, orders, shop.polls - polled, console)
    _show("database statements per order", _per(statements, orders), "calls", console)
    _show("rows written per order, by table", _per(tables, orders), "inserted + updated", console)
    _show("RPCs per order", _per(rpcs(settled, load()), orders), "calls", console)
    show_wal(shares, orders, console)
    show_layers(shop, orders, supplies, settled.without(resting), console)


def profile_regions(regions: Regions, orders: int, console: Console) -> None:
    """Measure regions, and print what is found. orders: at least so many."""
    plays = math.ceil(orders / ORDERS_OF_A_PLAY)
    counters = Counters(regions.stack)
    regions.play(0.0)  # every process connects, imports and prepares what an order needs
    before = counters.read()
    time.sleep(IDLE_SECONDS)
    resting = difference(before, counters.read())
    before, polled = counters.read(), regions.polls
    for _ in range(plays):
        regions.play(0.0)
    settled = difference(before, counters.read())
    time.sleep(STATISTICS_SECONDS)
    complete = difference(before, counters.read()).without(resting)
    counters.close()
    played = plays * ORDERS_OF_A_PLAY
    console.print(f"{played} orders, settled in {settled.seconds:.1f} s\n")
    show_cpu(settled, settled.without(resting), played, console)
    show_work(complete, played, regions.polls - polled, console)
    _show("RPCs per order", _per(rpcs(settled, load()), played), "calls", console)
    _show("deliveries per order, by row", _per(deliveries(settled, load()), played), "acknowledged", console)


def _play(shop: Shop, orders: int, supplies: int) -> tuple[int, float]:
    """Orders until they are settled; returns how many were confirmed, and how many per second."""
    after = shop.newest()
    played = shop.burst(shop.orders(orders, supplies), connections=CONNECTIONS)
    shop.until_settled(after, played.count)
    return played.count, played.rate


def show_cpu(all_of_it: Cost, cost: Cost, orders: int, console: Console) -> None:
    """CPU milliseconds per order by process, and what was subtracted as idle."""
    table = Table("CPU by process", "ms per order", "idle, subtracted", title_justify="left")
    for name, seconds in cost.of("cpu").items():
        idle_seconds = all_of_it.counts[f"cpu {name}"] - seconds
        table.add_row(name, f"{1000 * seconds / orders:.2f}", f"{1000 * idle_seconds / orders:.2f}")
    total, idle_total = cost.total("cpu"), all_of_it.total("cpu") - cost.total("cpu")
    table.add_section()
    table.add_row("all", f"{1000 * total / orders:.2f}", f"{1000 * idle_total / orders:.2f}")
    console.print(table)


def show_work(cost: Cost, orders: int, polls: int, console: Console) -> None:
    """What PostgreSQL and the transport did per order. polls: commits of this process's own."""
    counts = dict(cost.counts)
    figures = {
        "commits": counts["pg commits"] - polls,
        "transactions and savepoints that wrote": counts["xid writes"],
        "rows inserted": counts["pg inserted"],
        "rows updated": counts["pg updated"],
        "rows deleted": counts["pg deleted"],
        "WAL records": counts["pg wal_records"],
        "full pages in the WAL": counts["pg wal_full_pages"],
        "WAL kB": counts["lsn bytes"] / 1000,
        "RPCs": sum(rpcs(cost, load()).values()),
        "pushes, acknowledged": pushes(cost, load()),
        "pushes to be delivered again": redeliveries(cost, load()),
    }
    _show("work per order, all services", _per(figures, orders), "", console)


def show_wal(shares: Sequence[wal.WalShare], orders: int, console: Console) -> None:
    """Whose the WAL is, as far as it is 50 bytes an order; what an idle stack writes is in it."""
    table = Table("WAL per order", "records", "bytes", "of full pages")
    for each in shares:
        if each.size + each.full_pages >= 50 * orders:
            counts = (each.size / orders, each.full_pages / orders)
            table.add_row(each.relation, f"{each.records / orders:.2f}", *(f"{count:,.0f}" for count in counts))
    console.print(table)


def show_layers(shop: Shop, orders: int, supplies: int, cost: Cost, console: Console) -> None:
    """CPU of the functions host and the events host by layer, from py-spy's samples of further orders; flame graphs."""
    try:
        raw = _recorded(shop, orders, supplies, "raw", "profile-{}.folded")
        graphs = _recorded(shop, orders, supplies, "flamegraph", "profile-{}.svg")
    except NoPermission as refused:
        console.print(f"[yellow]{refused}[/yellow]", soft_wrap=True)
        return
    for host, file in raw.items():
        total = 1000 * cost.counts[f"cpu {host}"] / orders
        table = Table(f"{host} host by layer", "share", "ms per order")
        for layer, part in by_layer(file.read_text(encoding="utf-8", errors="replace")).items():
            table.add_row(layer, f"{part:.1%}", f"{part * total:.2f}")
        console.print(table)
    console.print(f"The flame graphs are in {', '.join(map(str, graphs.values()))}.", soft_wrap=True)


def _recorded(shop: Shop, orders: int, supplies: int, form: str, file: str) -> dict[str, Path]:
    """Play further orders, and record both hosts meanwhile; their files. file: a name with the host's to be put in."""
    recordings = {
        host: Recording(_worker(shop, named(shop.stack.layout.regions[0])), form, FOLDER / file.format(host))
        for host, named in HOSTS.items()
    }
    try:
        _play(shop, orders, supplies)
    finally:
        written = {host: recording.stop() for host, recording in recordings.items()}
    return written


def _worker(shop: Shop, name: str) -> int:
    """The pid of a host's worker: of granian's processes the one that has used most."""
    (main_process,) = (psutil.Process(each.pid) for each in shop.stack.status() if each.name == name)
    processes = [main_process, *main_process.children(recursive=True)]
    return max(processes, key=lambda each: each.cpu_times().user).pid


def _statements(shop: Shop) -> dict[str, float]:
    """Statements that each service has sent to the server."""
    connection = superuser(shop.stack, "postgres")
    try:
        return {str(role): float(calls) for role, calls in connection.run(CALLS)}
    finally:
        connection.close()


def _tables(shop: Shop) -> dict[str, float]:
    """Rows inserted and updated by table, of the services that take part in an order."""
    return {
        f"{service}.{table}": float(inserted + updated)
        for service in shop.databases
        for table, inserted, updated in shop.ask(service, TABLES)
    }


def _per(figures: Mapping[str, float], orders: int) -> dict[str, float]:
    return {name: count / orders for name, count in figures.items()}


def _show(title: str, figures: Mapping[str, float], unit: str, console: Console) -> None:
    rows: Iterable[tuple[str, float]] = figures.items()
    table = Table(title, unit)
    for name, value in rows:
        if round(abs(value), 2):
            table.add_row(name, significant(value) if abs(value) >= 1 else f"{value:.2f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
