"""Whose WAL it is: the records of a stretch of it by table and index, read by PostgreSQL's extension pg_walinspect.

A record of several pages counts for its first one's relation. Full pages, which follow a checkpoint, are apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pg8000.native import Connection

from emulators.stack.stack import Stack
from tests.bench.counters import superuser

NO_RELATION: Final = "commits and the like"

RECORDS: Final = """
    WITH pages AS (
        SELECT DISTINCT ON (start_lsn) start_lsn, reldatabase, relfilenode
        FROM pg_get_wal_block_info(:since::pg_lsn, :until::pg_lsn, false) ORDER BY start_lsn, block_id
    )
    SELECT d.datname, p.relfilenode, count(*), sum(r.record_length - r.fpi_length), sum(r.fpi_length)
    FROM pg_get_wal_records_info(:since::pg_lsn, :until::pg_lsn) r
    LEFT JOIN pages p ON p.start_lsn = r.start_lsn LEFT JOIN pg_database d ON d.oid = p.reldatabase
    GROUP BY 1, 2"""

NAMES: Final = """
    SELECT pg_relation_filenode(c.oid), coalesce('of ' || t.relname, c.relname)
    FROM pg_class c LEFT JOIN pg_class t ON t.reltoastrelid = c.oid WHERE pg_relation_filenode(c.oid) IS NOT NULL"""


@dataclass(frozen=True)
class WalShare:
    """A table's or an index's WAL: records, bytes without full pages, and bytes of these."""

    relation: str
    records: int
    size: int
    full_pages: int


def position(server: Connection) -> str:
    """Where the WAL is now; the extension is created, if it is not there. server: a superuser's connection."""
    server.run("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
    return str(server.run("SELECT pg_current_wal_flush_lsn()::text")[0][0])


def by_relation(stack: Stack, server: Connection, since: str, until: str) -> Sequence[WalShare]:
    """What was written between two positions, by `<database>.<table or index>`, the largest first."""
    names: dict[tuple[str, int], str] = {}
    found: dict[str, list[int]] = {}
    for database, node, *counts in server.run(RECORDS, since=since, until=until):
        if database and (database, node) not in names:
            names |= _names(stack, database)
        relation = f"{database}.{names.get((database, node), node)}" if database else NO_RELATION
        found[relation] = [one + int(more) for one, more in zip(found.get(relation, [0, 0, 0]), counts, strict=True)]
    return sorted((WalShare(name, *counts) for name, counts in found.items()), key=lambda each: -each.size)


def _names(stack: Stack, database: str) -> dict[tuple[str, int], str]:
    connection = superuser(stack, database)
    try:
        return {(database, node): str(name) for node, name in connection.run(NAMES)}
    finally:
        connection.close()
