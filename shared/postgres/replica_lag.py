"""How far a replica lags behind the primary.

If there is a replica, the primary stores the time every HEARTBEAT_SECONDS. The age of the last heartbeat on the
replica bounds its lag, even while it is disconnected, when PostgreSQL's own figures would call it up to date.
"""

import logging
import threading
from pathlib import Path
from typing import Final

from shared.errors import MeridianError
from shared.postgres.database import Database, Transaction
from shared.postgres.queries import queries

log = logging.getLogger(__name__)

SQL: Final = queries(Path(__file__).parent / "sql" / "replica_lag.sql")

HEARTBEAT_SECONDS: Final = 1.0

MAX_LAG_SECONDS: Final = 5.0
"""A replica that lags further is not read from."""


def write_heartbeat(database: Database) -> None:
    """Store the current time for replicas. Raises Unavailable."""
    with database.transaction() as transaction:
        SQL.write_heartbeat(transaction)


def keep_heartbeats(database: Database, stop: threading.Event) -> None:
    """Write heartbeats until `stop` is set; failures are skipped."""
    while not stop.wait(HEARTBEAT_SECONDS):
        try:
            write_heartbeat(database)
        except MeridianError as error:
            log.info("a heartbeat is skipped: %s", error)


def lag(replica: Transaction) -> float:
    """The most by which a replica's transaction lags, in seconds."""
    return int(SQL.read_lag(replica)) / 1_000_000
