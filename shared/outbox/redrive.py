"""What a service's consumers could not apply: to look at, to count, and to try again.

    python -m shared.outbox.redrive CONSUMER [--stream STREAM ...] [--dry-run]

A redrive only releases: the consumer's worker then applies each stream in the order of its versions, one stream after
the other at a bounded rate, and what fails again is parked again. So a redrive needs no handlers, and any number may
run at once.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.adapters.clock import Clock
from shared.adapters.postgres import Database, Transaction
from shared.adapters.resources import resources
from shared.errors import NotFound
from shared.outbox.log import SQL
from shared.registry import Row, load
from shared.telemetry.metrics import Parked

AT_MOST: Final = 1000
"""How many streams one redrive releases."""

PER_SECOND: Final = 50
"""How many streams a second are tried after a redrive, so that the work of an outage does not come back at once."""


@dataclass(frozen=True, slots=True)
class Released:
    """The streams that were released, how many events are parked in them, and how many streams are left."""

    streams: list[str]
    events: int
    left: int


def consumer_of(name: str, service: str | None = None) -> Row:
    """The event row of a name. Raises NotFound when there is none, or it is another service's."""
    row = load().rows.get(name)
    if row is None or not row.event or service not in (None, row.service):
        raise NotFound("There is no such consumer.")
    return row


def list_parked(transaction: Transaction, consumer: str, after: str | None, most: int) -> list[dict[str, Any]]:
    """Streams of a consumer in which something is parked, the newest first, beyond one already shown."""
    rows: list[dict[str, Any]] = SQL.list_parked(transaction, consumer=consumer, after=after, most=most)
    return rows


def count_parked(database: Database, clock: Clock) -> list[Parked]:
    """How many events are parked, by consumer and reason; an alert watches those that failed. Raises Unavailable."""
    with database.transaction() as transaction:
        rows = SQL.count_parked(transaction, now=clock.now())
    return [Parked(row["consumer"], row["reason"], row["events"], row["oldest"] / 1_000_000) for row in rows]


def redrive(
    transaction: Transaction, consumer: str, streams: Sequence[str], now: datetime, *, dry_run: bool = False
) -> Released:
    """Let a consumer's worker try its parked streams again, those first that have waited longest.

    streams: only these; all if empty. dry_run: only tell what would be released.
    """
    only = list(streams) or None
    found = SQL.find_redrivable(transaction, consumer=consumer, streams_only=only, most=AT_MOST)
    names = [row["stream"] for row in found]
    left = SQL.count_redrivable(transaction, consumer=consumer, streams_only=only) - len(names)
    if names and not dry_run:
        SQL.release_inbox(transaction, consumer=consumer, released=names)
        SQL.release_parked(transaction, consumer=consumer, released=names, now=now, per_second=PER_SECOND)
    return Released(names, sum(row["events"] for row in found), max(0, left))


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="shared.outbox.redrive", description="Try parked events again.")
    parser.add_argument("consumer", choices=sorted(row.name for row in load().event_rows()))
    parser.add_argument("--stream", action="append", default=[], help="only this stream; may be given again")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be released")
    chosen = parser.parse_args(arguments)
    owner = consumer_of(chosen.consumer).service
    with resources().database(owner).transaction() as transaction:
        now = resources().clock.now()
        found = redrive(transaction, chosen.consumer, chosen.stream, now, dry_run=chosen.dry_run)
    done = "would be released" if chosen.dry_run else "released"
    print(f"{len(found.streams)} streams with {found.events} events {done}, {found.left} left")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
