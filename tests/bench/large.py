"""What an order costs with a million orders and ten million ledger entries behind it: `make bench-large`.

Two stacks side by side, one of them preloaded, are measured in turns. The preloaded one has the rows that so many
orders leave in each service: orders with their first events, sold reservations of the supplies that are still on sale,
claims, transfers and entries between other wallets. Their events are of a type that nobody consumes and are marked
published, and a seal covers the entries: what has been handled is not handled again.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from pg8000.native import Connection

from tests.bench.comparison import ROUNDS
from tests.bench.cost import idle, play
from tests.bench.goals import Measurement
from tests.bench.shop import Shop, open_shop, warm_up

PRELOADED: Final = 1_000_000
TRANSFERS_PER_ORDER: Final = 5
"""Of two entries each."""

STEP: Final = 250_000
"""Rows of a statement, so that each fits the server's WAL."""

# Ids of zeros and a number sort before every real one. Statements are run for :first to :last.
ROWS: Final[Mapping[str, Sequence[str]]] = {
    "order": (
        """INSERT INTO orders (id, user_id, wallet_id, merchant_id, currency, total, status, stage, items, expires_at,
            paid_at, version, created_at, updated_at)
        SELECT 'ord_us_' || lpad(n::text, 26, '0'), 'usr_us_' || lpad(n::text, 26, '0'),
            'wal_us_' || lpad(n::text, 26, '0'), 'usr_us_' || lpad('0', 26, '0'), 'USDC', 1000, 'completed',
            'completed', '[]', now(), now(), 5, now(), now()
        FROM generate_series(:first::bigint, :last::bigint) AS n""",
        """INSERT INTO events (stream, version, id, type, data, metadata, recorded_at)
        SELECT 'ord_us_' || lpad(n::text, 26, '0'), v, 'evt_us_' || lpad((n * 3 + v)::text, 26, '0'), 'order.placed',
            jsonb_build_object('order_id', n, 'filler', repeat('x', 400)), '{}', now()
        FROM generate_series(:first::bigint, :last::bigint) AS n, generate_series(1, 3) AS v""",
    ),
    "supply": (
        """INSERT INTO reservations (id, order_id, supply_id, cell, user_id, quantity, expires_at, next_check_at,
            status, firm, version, made_at, ended_at)
        SELECT 'rsv_us_' || lpad(n::text, 26, '0'), 'ord_us_' || lpad(n::text, 26, '0'),
            (:supply_ids::text[])[1 + n % :supplies::integer], 'us', 'usr_us_' || lpad(n::text, 26, '0'), 1, now(),
            now(), 'committed', true, 2, now(), now() FROM generate_series(:first::bigint, :last::bigint) AS n""",
    ),
    "claiming": (
        """INSERT INTO claims (id, key, order_id, user_id, address, items, nonce, status, version, opened_at)
        SELECT 'clm_us_' || lpad(n::text, 26, '0'), sha256(n::text::bytea), 'ord_us_' || lpad(n::text, 26, '0'),
            'usr_us_' || lpad(n::text, 26, '0'), '', '[]', n, 'open', 1, now()
        FROM generate_series(:first::bigint, :last::bigint) AS n""",
    ),
    "wallet": (
        """INSERT INTO transfers (id, kind, reference, created_at)
        SELECT 'trf_us_' || lpad(n::text, 26, '0'), 'transfer', '', now()
        FROM generate_series(:first::bigint * 5 - 4, :last::bigint * 5) AS n""",
        """INSERT INTO entries (account, transfer_id, currency, amount, balance_after, created_at)
        SELECT 'wal_us_' || lpad((n % 100000 + side)::text, 26, '0'), 'trf_us_' || lpad(n::text, 26, '0'), 'USDC',
            2 * side - 1, 1000000, now()
        FROM generate_series(:first::bigint * 5 - 4, :last::bigint * 5) AS n, generate_series(0, 1) AS side""",
    ),
}

SEAL: Final = """
    INSERT INTO seals (number, from_transaction, to_transaction, entries, hash, sealed_at, format)
    SELECT coalesce(max(number), 0) + 1, coalesce(max(to_transaction::text::bigint), 0)::text::xid8,
           pg_snapshot_xmin(pg_current_snapshot()), 1, '', now(), 2 FROM seals"""

SOLD: Final = """
    UPDATE stock SET quantity = quantity + r.units, sold = sold + r.units
    FROM (SELECT supply_id, count(*) AS units FROM reservations WHERE order_id < 'ord_us_01' GROUP BY 1) r
    WHERE stock.supply_id = r.supply_id"""


def cost_per_order() -> Measurement:
    """cost_per_order_large_vs_empty: the CPU time of a settled order on a preloaded stack, beside an empty one.

    Both stacks run at once and take turns, with the same buyers and supplies; what each uses while idle is subtracted
    from its own plays. CPU time does not tell of reads from disk: the preloaded tables are larger than PostgreSQL's
    buffers, but not than the machine's page cache, as on a well-sized server.
    """
    with open_shop() as empty, open_shop() as large:
        preload(large, PRELOADED)
        warm_up(large)
        resting = {"empty": idle(empty), "large": idle(large)}
        found: dict[str, list[float]] = {"empty": [], "large": []}
        for _ in range(ROUNDS):
            for name, shop in (("empty", empty), ("large", large)):
                found[name].append(play(shop).without(resting[name]).total("cpu"))
    ratios = [mine / other for mine, other in zip(found["large"], found["empty"], strict=True)]
    milliseconds = [1000 * statistics.median(found[name]) for name in ("large", "empty")]
    detail = "{:.1f} ms, empty {:.1f} ms".format(*milliseconds)
    return Measurement("cost_per_order_large_vs_empty", ratios, detail)


def preload(shop: Shop, orders: int) -> None:
    """Fill the databases of a stack as if so many orders had been completed."""
    given = {"supply_ids": list(shop.supply_ids), "supplies": len(shop.supply_ids)}
    for service, statements in ROWS.items():
        connection = shop.databases[service]
        connection.run("SET session_replication_role = replica")  # without the checks of foreign keys
        for first in range(1, orders + 1, STEP):
            bounds = {"first": first, "last": min(first + STEP - 1, orders)}
            for statement in statements:
                named = {name: value for name, value in {**given, **bounds}.items() if f":{name}:" in statement}
                connection.run(statement, **named)
        _finish(service, connection)


def _finish(service: str, connection: Connection) -> None:
    if service == "wallet":
        connection.run(SEAL)
    if service == "supply":
        connection.run(SOLD)
    connection.run("SET session_replication_role = origin")
    connection.run("VACUUM ANALYZE")
    connection.run("CHECKPOINT")
