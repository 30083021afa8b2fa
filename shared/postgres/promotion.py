"""The promotion of a standby on a real server: it becomes a primary, fenced under its epoch, and with an empty gate.

Its commits wait for no standby from then on, until its keeper designates one.

On the local stack by pg_promote, which the role `keeper` may call there. On Cloud SQL a person, or whoever promotes,
asks Google to (`gcloud sql instances promote-replica`), and the server is waited for.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from shared.errors import Unavailable
from shared.postgres.database import Database
from shared.postgres.gate import GateSession
from shared.postgres.queries import queries
from shared.postgres.synchronous import choose, read_chosen

SQL: Final = queries(Path(__file__).parent / "sql" / "promotion.sql")

PROMOTE_SECONDS: Final = 5
"""How long one call of pg_promote waits."""

POLL_SECONDS: Final = 0.5


def promote_server(
    databases: Sequence[Database],
    epoch: int,
    generation: int,
    *,
    asks: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Promote the server of these databases, unless it is a primary already, and put them under an epoch.

    databases: of one cell, as its keeper logs in. generation: of the record under that epoch. asks: whether this
    process has the server promote itself; else somebody else does. Raises Unavailable, and may be repeated.
    """
    with databases[0].statement() as statement:
        if read_chosen(statement):  # a copy has the settings of its source
            choose(statement, ())
        if SQL.in_recovery(statement):
            if not asks:
                sleep(POLL_SECONDS)
                raise Unavailable("The standby is to be promoted: gcloud sql instances promote-replica.")
            if not SQL.promote(statement, seconds=PROMOTE_SECONDS):
                raise Unavailable("The standby does not become a primary.")
    for database in databases:
        _take(database, epoch, generation)


def _take(database: Database, epoch: int, generation: int) -> None:
    """Write the rows of one database, by the session that alone may write its gate row."""
    session = GateSession(database)
    try:
        transaction = session.transaction()
        if transaction is None:
            raise Unavailable("Another process holds the gate of the promoted server.")
        if not SQL.take_epoch(transaction, epoch=epoch):
            raise Unavailable(f"The promoted server is under a later epoch than {epoch} already.")
        SQL.empty_gate(transaction, generation=generation)
    finally:
        session.end()
