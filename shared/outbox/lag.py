"""How far a replica is behind the server that is written to.

That one notes the time every BEAT_SECONDS where there is a replica. What a replica has of it bounds what it may lack,
also while it hears nothing at all: then PostgreSQL's own figures would call it up to date.
"""

import logging
import threading
from typing import Final

from shared.adapters.postgres import Database, Transaction
from shared.errors import MeridianError
from shared.outbox.log import SQL

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 1.0

LAG_AT_MOST_SECONDS: Final = 5.0
"""A replica that is further behind is not read from."""


def beat(database: Database) -> None:
    """Note the time, for replicas. Raises Unavailable."""
    with database.transaction() as transaction:
        SQL.beat(transaction)


def keep_beating(database: Database, stop: threading.Event) -> None:
    """Note the time until told to stop; what fails is left out."""
    while not stop.wait(BEAT_SECONDS):
        try:
            beat(database)
        except MeridianError as error:
            log.info("a beat is left out: %s", error)


def lag(replica: Transaction) -> float:
    """What a replica's transaction sees is at most so old, in seconds."""
    return int(SQL.read_lag(replica)) / 1_000_000
