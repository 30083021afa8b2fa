"""Reservations of one hot supply by 16 clients at once, beside the naive way and beside a plain insert."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from emulators.stack.stack import Stack
from shared import ids
from shared.contracts.gen.supply_pb2 import ReserveRequest, ReserveResponse
from shared.postgres.database import Database
from shared.rpc.batching import BatchedOperation
from tests.bench.comparison import Comparison, Rate, in_turns
from tests.bench.goals import Measurement
from tests.bench.pgbench import Pgbench
from tests.isolated_services import IsolatedServices

CLIENTS: Final = 16
SECONDS: Final = 1.0
UNITS: Final = 10**9

TABLES: Final = """
    CREATE TABLE naive_stock (id bigint PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0));
    CREATE TABLE naive_reservations (
        id text PRIMARY KEY, order_id text NOT NULL, supply_id bigint NOT NULL REFERENCES naive_stock,
        user_id text NOT NULL, quantity bigint NOT NULL, expires_at timestamptz NOT NULL, status text NOT NULL,
        made_at timestamptz NOT NULL);
    CREATE INDEX ON naive_reservations (order_id);
    CREATE TABLE plain_reservations (LIKE naive_reservations INCLUDING ALL);
    INSERT INTO naive_stock VALUES (1, 1000000000);
    GRANT SELECT, INSERT, UPDATE ON naive_stock, naive_reservations TO supply"""

LOCK: Final = "SELECT available FROM naive_stock WHERE id = 1 FOR UPDATE"
TAKE: Final = "UPDATE naive_stock SET available = available - 1 WHERE id = 1"
NOTE: Final = """
    INSERT INTO naive_reservations (id, order_id, supply_id, user_id, quantity, expires_at, status, made_at)
    VALUES (:id, :order_id, 1, :user_id, 1, now() + interval '15 minutes', 'reserved', now())"""

PLAIN: Final = """\
\\set number random(1, 1000000000)
INSERT INTO plain_reservations (id, order_id, supply_id, user_id, quantity, expires_at, status, made_at) VALUES \
('rsv_us_' || gen_random_uuid(), 'ord_us_0000000000' || :number, 1, 'usr_us_0000000000' || :number, 1, \
now() + interval '15 minutes', 'reserved', now());
"""


def reservations(stack: Stack) -> Iterator[Measurement]:
    """reserve_vs_naive and reserve_vs_pgbench_insert.

    Ours: the operation reserve_stock as the supply service's RPC host calls it, gRPC apart, in one process with 16
    threads; every call reserves one unit of the same supply for another order, with all checks and the event. Naive:
    SELECT FOR UPDATE, UPDATE and INSERT in a transaction, which checks nothing else and reports nothing, by 16 threads
    of the same process over the same driver and pool. Insert: pgbench with 16 clients, in C, commits one row of the
    shape of a reservation, without any hot row: what the server can commit one by one.

    All three on one server, in turns, in databases whose events nobody publishes.
    """
    with IsolatedServices.within(stack) as isolated, tempfile.TemporaryDirectory() as folder:
        supply = isolated.sell(isolated.new_user(), quantity=UNITS)
        with isolated.superuser("supply") as connection:
            connection.run(TABLES)
        database, database_name = isolated.resources.database("supply"), isolated.settings.database_name("supply")
        inserting = partial(Pgbench(stack, Path(folder)).script, PLAIN, database=database_name, clients=CLIENTS)
        rates: dict[str, Rate] = {
            "ours": partial(at_once, as_host(isolated, supply.id)),
            "naive": partial(at_once, partial(_naive, database)),
            "pgbench insert": inserting,
        }
        found = in_turns(rates)
    yield Comparison("reserve_vs_naive", "naive", found["ours"], found["naive"]).measurement
    yield Comparison("reserve_vs_pgbench_insert", "insert", found["ours"], found["pgbench insert"]).measurement


def as_host(isolated: IsolatedServices, supply_id: str) -> Callable[[], None]:
    """Reserves one unit as the RPC host does: calls that wait share a transaction (shared/runtime/rpc.py)."""
    bound = isolated.bound("reserve_stock", host="supply")
    batched = BatchedOperation(bound, bound.row.batch or "")

    def reserve() -> None:
        response: ReserveResponse = batched.run(request=_one_unit(supply_id))
        assert not response.outcomes[0].refusal, response

    return reserve


def _one_unit(supply_id: str) -> ReserveRequest:
    line = ReserveRequest.Line(reservation_id=ids.new("rsv", "us"), supply_id=supply_id, quantity=1, unit_price="1000")
    order = ReserveRequest.Order(order_id=ids.new("ord", "us"), user_id=ids.new("usr", "us"), lines=[line])
    order.expires_at.FromDatetime(datetime.now(UTC) + timedelta(minutes=15))
    return ReserveRequest(orders=[order])


def _naive(database: Database) -> None:
    values: dict[str, Any] = {name: ids.new(name[:3], "us") for name in ("order_id", "user_id")}
    with database.transaction() as transaction:
        (row,) = transaction.run(LOCK, {})
        assert row["available"] > 0
        transaction.count(TAKE, {})
        transaction.count(NOTE, {"id": ids.new("rsv", "us"), **values})


def at_once(act: Callable[[], object]) -> float:
    """How often per second 16 threads do something together."""
    over = threading.Event()

    def repeat() -> int:
        count = 0
        while not over.is_set():
            act()
            count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        began = time.perf_counter()
        counting = [pool.submit(repeat) for _ in range(CLIENTS)]
        time.sleep(SECONDS)
        over.set()
        return sum(each.result() for each in counting) / (time.perf_counter() - began)
