"""How far consumers know other cells' streams, and how far a store has them: does anybody know more than it does?"""

from collections.abc import Collection
from typing import Final

from shared.outbox.log import SQL
from shared.postgres.database import Transaction

MOST: Final = 1000
"""How many streams there are on a page."""


def known_streams(transaction: Transaction, consumer: str, cell: str, after: str) -> list[tuple[str, int]]:
    """How far a consumer knows the streams of a cell, after a given one: the last version applied or parked."""
    rows = SQL.list_known(transaction, consumer=consumer, cell=cell, after=after, most=MOST)
    return [(row["stream"], row["version"]) for row in rows]


def stored_versions(transaction: Transaction, streams: Collection[str]) -> dict[str, int]:
    """The last versions of streams in a store; without those that it does not have."""
    return {row["stream"]: row["version"] for row in SQL.last_versions(transaction, streams=list(streams))}
