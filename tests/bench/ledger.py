"""Throughput of ledger transfers.

Both sides are driven by pgbench, PostgreSQL's client in C: in turns, on one server with the settings of the stack (each
commit is flushed to disk), with the same number of clients and accounts, prepared statements, and accounts drawn
uniformly. One side is TPC-B: five statements between BEGIN and END, seven round trips. The other is the wallet
service's statement for moving money, read from its ledger.sql: one round trip, in which the database checks double
entry and cover, and writes the transfer, two entries with their balances, and the event.
"""

import os
import random
import re
import shutil
import subprocess
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

from emulators.stack import binaries
from emulators.stack.parts.postgres import SUPERUSER
from emulators.stack.secrets import read as read_secret
from emulators.stack.stack import Stack
from functions.wallet.adapters.ledger import SQL
from functions.wallet.adapters.work import Work
from functions.wallet.domain.ledger import Posting, Transfer
from shared.config import read
from shared.resources import Resources
from tests.bench.comparison import Comparison, compared

CLIENTS: Final = 8
SECONDS: Final = 4
SCALE: Final = 10
"""pgbench's branches: more than clients, so that they seldom wait for each other."""

ACCOUNTS: Final = 100_000 * SCALE
"""How many accounts pgbench creates at that scale, and so the number of wallets."""

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
\\set payer random(1, {accounts})
\\set payee 1 + (:payer - 1 + random(1, {accounts} - 1)) % {accounts}
\\set low {first} + least(:payer, :payee)
\\set high {first} + greatest(:payer, :payee)
\\set amount 2 * random(0, 1) - 1
\\set back -:amount
{statement}
"""


@dataclass(frozen=True)
class Server:
    """A stack's PostgreSQL with money in its wallets, and pgbench with its tables."""

    stack: Stack
    folder: Path
    pgbench: str

    def run(self, *arguments: str, user: str = SUPERUSER) -> str:
        """The output of pgbench. Raises CalledProcessError."""
        password = read_secret(self.stack.layout.secrets, f"{user}.password")
        where = ["-h", "127.0.0.1", "-p", str(self.stack.ports["postgres"]), "-U", user]
        environment = {**os.environ, "PGPASSWORD": password}
        return subprocess.run(
            [self.pgbench, *where, *arguments], env=environment, check=True, capture_output=True, text=True
        ).stdout

    def rate(self, *arguments: str, database: str, user: str = SUPERUSER) -> float:
        """Transactions per second of all clients together."""
        how = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS)]
        printed = self.run(*how, *arguments, database, user=user)
        found = re.search(r"^tps = ([0-9.]+)", printed, re.MULTILINE)
        assert found and "number of failed transactions: 0 " in printed, printed
        return float(found[1])

    def tpc_b(self) -> float:
        """pgbench's TPC-B."""
        return self.rate("-b", "tpcb-like", database="postgres")

    def transfers(self) -> float:
        """The ledger's statement, as the wallet service's own role."""
        statement = SQL.post_transfers.sql
        for name, value in TRANSFER.items():
            statement = re.sub(rf"(?<!:):{name}\b", value.replace("\\", r"\\"), statement)
        script = self.folder / "transfer.sql"
        script.write_text(SCRIPT.format(accounts=ACCOUNTS, first=FIRST, statement=statement))
        variables = ["-D", "count=0", "-D", f"run={10**9 + time.time_ns() // 10**8 % 10**9}"]
        return self.rate("-f", str(script), *variables, database=self.database, user="wallet")

    @property
    def database(self) -> str:
        """The wallet service's."""
        return read(self.stack.environment).database_name("wallet")


@contextmanager
def server() -> Iterator[Server]:
    """A stack with as many wallets as pgbench has accounts. Raises SystemExit where there is no pgbench."""
    beside = binaries.find().postgres / "bin" / "pgbench"
    pgbench = str(beside) if beside.exists() else shutil.which("pgbench")
    if pgbench is None:
        raise SystemExit("The bench of the ledger needs pgbench: install PostgreSQL's (Debian: postgresql-contrib).")
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), free_ports=True) as stack:
        for process in stack.status():
            if process.name != "postgres":  # such as the relay, which would publish what is posted here
                stack.stop(process.name)
        made = Server(stack, Path(folder), pgbench)
        made.run("-i", "-q", "-s", str(SCALE), "postgres")
        password = read_secret(stack.layout.secrets, f"{SUPERUSER}.password")
        port = stack.ports["postgres"]
        opened = Connection(SUPERUSER, host="127.0.0.1", port=port, database=made.database, password=password)
        opened.run("SET session_replication_role = replica")  # no foreign key checks are needed here
        for statement in (PEOPLE.format(accounts=ACCOUNTS, first=FIRST), MONEY, "VACUUM ANALYZE", "CHECKPOINT"):
            opened.run(statement)
        opened.close()
        yield made


def transfer() -> Comparison:
    """A transfer between two of many wallets by the ledger's one statement, beside pgbench's TPC-B."""
    with server() as made:
        return compared("ledger transfer", made.transfers, "pgbench TPC-B", made.tpc_b, at_least=1.2)


def transfer_in_python() -> Comparison:
    """The same through the wallet service's own code, in processes of Python on the server's own cores.

    It has no required ratio: BEGIN, the statement and COMMIT are three round trips.
    """
    with server() as made, ProcessPoolExecutor(CLIENTS) as pool:
        ours = partial(_all_move, pool, dict(made.stack.environment))
        return compared("ledger transfer in Python", ours, "pgbench TPC-B", made.tpc_b, at_least=0)


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
