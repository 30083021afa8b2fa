"""Transactions that show what statements would do, and undo it: always rolled back, on a connection of their own.

Their statements are parsed there for the first time, so that a name may mean a temporary table that shadows a real one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pg8000.core import CoreConnection

from shared.adapters.notify import discard
from shared.adapters.postgres import Database, Transaction
from shared.adapters.verdicts import translated


@contextmanager
def rehearsal(database: Database) -> Iterator[Transaction]:
    """A transaction that sees one picture of the data and leaves no trace. Raises Unavailable."""
    connection = database.dedicated()
    try:
        with translated():
            CoreConnection.execute_simple(connection, "begin isolation level repeatable read")
        yield Transaction(connection)
    finally:
        discard(connection)  # the server rolls back by itself
