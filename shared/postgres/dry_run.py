"""Transactions that are always rolled back, on a dedicated connection.

Statements are parsed there for the first time, so a name can resolve to a temporary table that shadows a real one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pg8000.core import CoreConnection

from shared.postgres.database import Database, Transaction
from shared.postgres.errors import translated
from shared.postgres.notify import discard


@contextmanager
def dry_run_transaction(database: Database) -> Iterator[Transaction]:
    """A transaction that sees one snapshot and is always rolled back. Raises Unavailable."""
    connection = database.dedicated()
    try:
        with translated():
            CoreConnection.execute_simple(connection, "begin isolation level repeatable read")
        transaction = Transaction(connection)
        yield transaction
        transaction.send()
    finally:
        discard(connection)  # the server rolls back by itself
