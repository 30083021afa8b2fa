"""The ledgers that Meridian's is compared with: their tables (rivals.sql) and pgbench scripts."""

from pathlib import Path
from typing import Final

from pg8000.native import Connection

DATABASE: Final = "rivals"
ACCOUNTS: Final = 1_000_000
TABLES: Final = Path(__file__).parent / "rivals.sql"

FILL: Final = """
    INSERT INTO naive_accounts SELECT n, 1000000000000000 FROM generate_series(1, {accounts}) AS n;
    INSERT INTO pgledger_accounts (id, name, currency, balance, allow_negative_balance, allow_positive_balance,
        created_at, updated_at)
    SELECT 'pgla_' || (10000000000::bigint + n), '', 'USD', 1000000000000000, false, true, now(), now()
    FROM generate_series(1, {accounts}) AS n;
    VACUUM ANALYZE;
    CHECKPOINT"""

DRAW: Final = """\
\\set payer random(2, {accounts})
\\set payee {payee}
\\set low least(:payer, :payee)
\\set high greatest(:payer, :payee)
"""
"""Payers are drawn uniformly; the payee too, or it is always the same account (hot)."""

UNIFORM: Final = "1 + (:payer - 1 + random(1, {accounts} - 1)) % {accounts}"
HOT: Final = "1"

NAIVE_TRANSFER: Final = """\
BEGIN;
SELECT balance AS first FROM naive_accounts WHERE id = :low FOR UPDATE;
SELECT balance AS second FROM naive_accounts WHERE id = :high FOR UPDATE;
UPDATE naive_accounts SET balance = balance - 1 WHERE id = :payer RETURNING balance AS left_ \\gset
UPDATE naive_accounts SET balance = balance + 1 WHERE id = :payee RETURNING balance AS now_ \\gset
INSERT INTO naive_transfers (from_id, to_id, amount) VALUES (:payer, :payee, 1) RETURNING id AS made \\gset
INSERT INTO naive_entries (account_id, transfer_id, amount, balance_after) VALUES (:payer, :made, -1, :left_);
INSERT INTO naive_entries (account_id, transfer_id, amount, balance_after) VALUES (:payee, :made, 1, :now_);
COMMIT;
"""

PGLEDGER_TRANSFER: Final = """\
SELECT * FROM pgledger_create_transfer('pgla_' || (10000000000 + :payer), 'pgla_' || (10000000000 + :payee), 1);
"""


def create_database(server: Connection) -> None:
    """Create their database."""
    server.run(f"CREATE DATABASE {DATABASE}")


def fill(database: Connection) -> None:
    """Create and fill their tables."""
    database.run(TABLES.read_text(encoding="utf-8"))
    for statement in FILL.format(accounts=ACCOUNTS).split(";"):
        database.run(statement)


def transfer_script(statements: str, *, hot: bool) -> str:
    """A pgbench script of transfers between accounts."""
    return DRAW.format(accounts=ACCOUNTS, payee=HOT if hot else UNIFORM.format(accounts=ACCOUNTS)) + statements
