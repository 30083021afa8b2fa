"""Throughput of ledger transfers.

All sides are driven by pgbench, PostgreSQL's client in C: in turns, on one server with the settings of the stack (each
commit is flushed to disk), with the same number of clients and accounts, and prepared statements. Ours is the wallet
service's statement for moving money, read from its ledger.sql: one round trip, in which the database checks double
entry and cover, and writes the transfer, two entries with their balances, and the event. The others:

    TPC-B      pgbench's own: five statements between BEGIN and END, seven round trips, accounts drawn uniformly
    naive      SELECT FOR UPDATE of both accounts, two UPDATEs, three INSERTs, in a transaction (rivals.py)
    pgledger   its function pgledger_create_transfer, restated: one round trip (rivals.sql)

Uniform: payer and payee are drawn from all accounts. Hot: every payer pays one account, as when a merchant sells out.
"""

import multiprocessing
import random
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pg8000.native import Connection

from emulators.stack.stack import Stack
from functions.wallet.adapters.ledger import SQL
from functions.wallet.adapters.work import Work
from functions.wallet.domain.ledger import Posting, Transfer
from shared.config import read
from shared.resources import Resources
from tests.bench import rivals
from tests.bench.comparison import Comparison, in_turns
from tests.bench.counters import superuser
from tests.bench.goals import Measurement
from tests.bench.pgbench import Pgbench

CLIENTS: Final = 8
HOT_CLIENTS: Final = 16
SECONDS: Final = 1
ACCOUNTS: Final = rivals.ACCOUNTS
"""The number of wallets."""

SCALE: Final = ACCOUNTS // 100_000
"""pgbench's branches, so that it has as many accounts: more than clients, so that they seldom wait for each other."""

FIRST: Final = 10**18
"""The number before that of the first wallet: numbers of equal length form ids without a function."""

PEOPLE: Final = """
    INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, updated_at)
    SELECT 'wal_us_0000000' || n, 'usr_us_0000000' || n, '', '', 1, 'open', true, 1, now(), now()
    FROM generate_series({first}::bigint + 1, {first}::bigint + {accounts}) AS n"""

MONEY: Final = """
    INSERT INTO accounts (wallet_id, currency, posted, held, version)
    SELECT id, 'USDC', 10::numeric ^ 15, 0, 1 FROM wallets"""

LOW: Final = "'wal_us_0000000' || :low"
HIGH: Final = "'wal_us_0000000' || :high"

FACT: Final = """\
{"transfer_id": "trf_us_0000000%s", "kind": "transfer", "reference": "", "postings": [\
{"account": "wal_us_0000000%s", "currency": "USDC", "amount": "%s", "user_id": "usr_us_0000000%s"}, \
{"account": "wal_us_0000000%s", "currency": "USDC", "amount": "%s", "user_id": ""}], \
"user_ids": ["usr_us_0000000%s"]}"""

FACTS: Final = ("number", "low", "amount", "low", "high", "back", "low")
"""The variable of each %s of FACT."""

TRANSFER: Final = {
    "transfer_ids": "ARRAY['trf_us_0000000' || :number]",
    "kinds": "'{transfer}'",
    "references": "ARRAY['']",
    "order_ids": "'{NULL}'",
    "at": "now()",
    "place_of": "'{1,1}'",
    "accounts": f"ARRAY[{LOW}, {HIGH}]",
    "currencies": "'{USDC,USDC}'",
    "amounts": "ARRAY[:amount, :back]",
    "unholds": "'{0,0}'",
    "event_ids": "ARRAY['evt_us_0000000' || :number]",
    "facts": f"ARRAY[format('{FACT}', {', '.join(f':{each}::text' for each in FACTS)})]",
    "metadata": """'{"request_id": "req", "traceparent": "00-00000000000000000000000000000001-0000000000000001-01"}'""",
}
"""The arguments of a random transfer, as pgbench expressions: with as few functions as possible, since a service passes
values."""

SCRIPT: Final = """\
\\set count :count + 1
\\set number (:run * 1000 + :client_id) * 1000000 + :count
\\set payer random(2, {accounts})
\\set payee {payee}
\\set low {first} + least(:payer, :payee)
\\set high {first} + greatest(:payer, :payee)
\\set amount case when :payer < :payee then -1 else 1 end
\\set back -:amount
{statement}
"""


@dataclass(frozen=True)
class Server:
    """A stack's PostgreSQL with money in its wallets, and pgbench with its tables."""

    stack: Stack
    pgbench: Pgbench

    def tpc_b(self) -> float:
        """Transactions per second of pgbench's TPC-B."""
        return self.pgbench.rate("-b", "tpcb-like", database="postgres", clients=CLIENTS)

    def transfers(self, *, hot: bool = False) -> float:
        """Transfers per second of the ledger's statement, as the wallet service's own role."""
        statement = SQL.post_transfers.sql
        for name, value in TRANSFER.items():
            statement = re.sub(rf"(?<!:):{name}\b", value.replace("\\", r"\\"), statement)
        payee = rivals.HOT if hot else rivals.UNIFORM.format(accounts=ACCOUNTS)
        script = SCRIPT.format(accounts=ACCOUNTS, first=FIRST, payee=payee, statement=statement)
        variables = ["-D", "count=0", "-D", f"run={10**9 + time.time_ns() // 10**8 % 10**9}"]
        return self.pgbench.script(script, *variables, database=self.database, clients=_clients(hot=hot), user="wallet")

    def rival(self, statements: str, *, hot: bool = False) -> float:
        """Transfers per second of another ledger."""
        script = rivals.transfer_script(statements, hot=hot)
        return self.pgbench.script(script, database=rivals.DATABASE, clients=_clients(hot=hot))

    @property
    def database(self) -> str:
        """The wallet service's."""
        return read(self.stack.environment).database_name("wallet")


def _clients(*, hot: bool) -> int:
    return HOT_CLIENTS if hot else CLIENTS


@contextmanager
def server() -> Iterator[Server]:
    """A stack with as many wallets as pgbench and the other ledgers have accounts."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), free_ports=True) as stack:
        for process in stack.status():
            if process.name != "postgres":  # such as the relay, which would publish what is posted here
                stack.stop(process.name)
        made = Server(stack, Pgbench(stack, Path(folder)))
        made.pgbench.run("-i", "-q", "-s", str(SCALE), "postgres")
        for prepare, database in (
            (_open_wallets, made.database),
            (rivals.create_database, "postgres"),
            (rivals.fill, rivals.DATABASE),
        ):
            connection = superuser(stack, database)
            prepare(connection)
            connection.close()
        yield made


def _open_wallets(wallet: Connection) -> None:
    wallet.run("SET session_replication_role = replica")  # no foreign key checks are needed here
    for statement in (PEOPLE.format(accounts=ACCOUNTS, first=FIRST), MONEY, "VACUUM ANALYZE", "CHECKPOINT"):
        wallet.run(statement)


def transfers() -> Iterator[Measurement]:
    """Ours, uniform and hot, beside TPC-B, the naive ledger and pgledger, and through the wallet service's own code.

    TPC-B moves money too, with an update of three balances and one insert; ours writes more (a transfer, two entries,
    an event), and checks cover and double entry. pgledger and the naive ledger promise what ours does, but
    for the event. In Python (no goal): the service's unit of work, in as many processes as there are clients, on the
    server's own cores; BEGIN goes with the statement, so that there are two round trips.
    """
    with server() as made, ProcessPoolExecutor(CLIENTS, multiprocessing.get_context("spawn")) as pool:
        found = in_turns(
            {
                "ours": made.transfers,
                "TPC-B": made.tpc_b,
                "pgledger": partial(made.rival, rivals.PGLEDGER_TRANSFER),
                "in Python": partial(_all_move, pool, dict(made.stack.environment)),
                "ours hot": partial(made.transfers, hot=True),
                "naive hot": partial(made.rival, rivals.NAIVE_TRANSFER, hot=True),
                "pgledger hot": partial(made.rival, rivals.PGLEDGER_TRANSFER, hot=True),
            }
        )
    for name, ours, other in (
        ("transfer_uniform_vs_tpcb", "ours", "TPC-B"),
        ("transfer_hot_vs_naive", "ours hot", "naive hot"),
        ("transfer_vs_pgledger_uniform", "ours", "pgledger"),
        ("transfer_vs_pgledger_hot", "ours hot", "pgledger hot"),
        ("transfer_in_python", "in Python", "TPC-B"),
    ):
        yield Comparison(name, other, found[ours], found[other]).measurement


def _all_move(pool: ProcessPoolExecutor, environment: Mapping[str, str]) -> float:
    """Transfers per second of all clients together."""
    return sum(pool.map(_move, [environment] * CLIENTS))


def _move(environment: Mapping[str, str]) -> float:
    """Transfers per second of one client."""
    resources = Resources(read(environment))
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        payer, payee = (f"wal_us_{FIRST + number:026}" for number in _two())
        with Work(resources, "wallet").transaction() as work:
            postings = (Posting(payer, "USDC", -1), Posting(payee, "USDC", 1))
            work.ledger.post(Transfer(work.new_id("trf"), "transfer", postings, work.now()), {payer: "usr_us_1"})
        count += 1
    resources.database("wallet").close()
    return count / passed


def _two() -> Sequence[int]:
    return random.sample(range(1, ACCOUNTS + 1), 2)
