"""How fast money moves."""

import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from emulators import parts
from emulators.postgres import SUPERUSER
from emulators.stack import Stack
from functions.wallet.store.ledger import SQL
from shared import ids
from shared.adapters.connect import connector
from shared.adapters.postgres import Database, Transaction
from shared.config import read
from shared.contracts.encode import to_json
from tests.bench.comparing import Comparison, compared

CLIENTS: Final = 8
SECONDS: Final = 4
WALLETS: Final = 1000
FUNDS: Final = 10**15
SCALE: Final = 10


def transfer() -> Comparison:
    """A transfer between two of many accounts in one statement, beside pgbench's TPC-B on the same server."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), free_ports=True) as stack:
        environment = dict(stack.environment)
        wallets = _open_wallets(environment)
        pgbench = [str(parts.find().postgres / "bin" / "pgbench"), "-h", "127.0.0.1", "-U", SUPERUSER]
        pgbench += ["-p", str(stack.ports["postgres"])]
        password = (stack.state / "secrets" / "postgres.password").read_text()
        secret = {**os.environ, "PGPASSWORD": password}
        subprocess.run(
            [*pgbench, "-i", "-q", "-s", str(SCALE), "postgres"], env=secret, check=True, capture_output=True
        )
        with ProcessPoolExecutor(CLIENTS) as pool:
            ours = partial(_all_move, pool, environment, wallets)
            return compared("ledger transfer", ours, "pgbench TPC-B", partial(_tpc_b, pgbench, secret), at_least=1.2)


def _open_wallets(environment: Mapping[str, str]) -> list[str]:
    """Wallets with money, made by the database's owner's shortest way."""
    wallets = [ids.new("wal", "us") for _ in range(WALLETS)]
    with Database(connector(read(environment), "wallet"), 1).transaction() as transaction:
        transaction.run(
            "INSERT INTO wallets (id, user_id, name, address, chain_id, status, is_default, version, created_at, "
            "updated_at) SELECT id, id, '', '', 1, 'open', true, 1, now(), now() FROM unnest(:ids::text[]) AS w (id) "
            "RETURNING id",
            {"ids": wallets},
        )
        transaction.run(
            "INSERT INTO accounts (wallet_id, currency, posted, held, version) "
            "SELECT id, 'USDC', :funds, 0, 1 FROM unnest(:ids::text[]) AS w (id) RETURNING wallet_id",
            {"ids": wallets, "funds": FUNDS},
        )
    return wallets


def _all_move(pool: ProcessPoolExecutor, environment: Mapping[str, str], wallets: Sequence[str]) -> float:
    """Transfers a second of all clients together."""
    return sum(pool.map(_move, [environment] * CLIENTS, [wallets] * CLIENTS))


def _move(environment: Mapping[str, str], wallets: Sequence[str]) -> float:
    """Transfers a second of one client, each a transaction of one statement."""
    transaction = Transaction(connector(read(environment), "wallet")())
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < SECONDS:
        payer, payee = random.sample(wallets, 2)
        transfer_id = ids.new("trf", "us")
        made = {"id": transfer_id, "kind": "transfer", "reference": "", "order_id": None, "at": "2026-01-01T00:00:00Z"}
        legs = [
            {
                "entry_id": ids.new("ent", "us"),
                "transfer_id": transfer_id,
                "account": wallet_id,
                "system": False,
                "currency": "USDC",
                "amount": amount,
                "unhold": "0",
            }
            for wallet_id, amount in ((payer, "-1"), (payee, "1"))
        ]
        refusal = SQL.post_transfers(transaction, transfers=to_json([made]).decode(), postings=to_json(legs).decode())
        assert refusal is None
        count += 1
    return count / passed


def _tpc_b(pgbench: Sequence[str], environment: Mapping[str, str]) -> float:
    """Transactions a second of as many clients."""
    command = [*pgbench, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "postgres"]
    printed = subprocess.run(command, env=dict(environment), check=True, capture_output=True, text=True).stdout
    found = re.search(r"^tps = ([0-9.]+)", printed, re.MULTILINE)
    assert found, printed
    return float(found[1])
