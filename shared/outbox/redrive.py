"""Parked events of a service's consumers: lists, counts and redrives them.

    python -m functions.main redrive CONSUMER [--stream STREAM ...] [--dry-run]

A redrive only marks events as released: the consumer's worker then applies each stream in version order, at a
bounded rate, and parks again what fails again. So a redrive needs no handlers, and any number may run at once.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared import requirements
from shared.clock import Clock
from shared.errors import NotFound
from shared.outbox.log import SQL
from shared.postgres.database import Database, Transaction
from shared.registry import Row, load
from shared.resources import resources
from shared.telemetry.collectors import ParkedEventCount

AT_MOST: Final = 1000
"""The most streams that one redrive releases."""

PER_SECOND: Final = 50
"""How many streams a second are retried after a redrive, so that an outage's backlog does not come back at once."""


@dataclass(frozen=True, slots=True)
class RedriveResult:
    """The released streams, how many events are parked in them, and how many streams are left."""

    streams: list[str]
    events: int
    left: int


def consumer_of(name: str, service: str | None = None) -> Row:
    """The event row with this name. Raises NotFound if there is none, or it belongs to another service."""
    row = load().rows.get(name)
    if row is None or not row.event or service not in (None, row.service):
        raise NotFound("There is no such consumer.")
    return row


def list_parked(transaction: Transaction, consumer: str, after: str | None, most: int) -> list[dict[str, Any]]:
    """A consumer's streams with parked events, those made last first, after a given one."""
    rows: list[dict[str, Any]] = SQL.list_parked(transaction, consumer=consumer, after=after, most=most)
    return rows


def count_parked(database: Database, clock: Clock) -> list[ParkedEventCount]:
    """How many events are parked, by consumer and reason; alert on those that failed. Raises Unavailable."""
    with database.transaction() as transaction:
        rows = SQL.count_parked(transaction, now=clock.now())
    return [ParkedEventCount(row["consumer"], row["reason"], row["events"], row["oldest"] / 1_000_000) for row in rows]


def redrive(
    transaction: Transaction, consumer: str, streams: Sequence[str], now: datetime, *, dry_run: bool = False
) -> RedriveResult:
    """Release a consumer's parked streams to be retried, the longest waiting first.

    streams: only these; all if empty. dry_run: only return what would be released.
    """
    only = list(streams) or None
    found = SQL.find_redrivable(transaction, consumer=consumer, streams_only=only, most=AT_MOST)
    names = [row["stream"] for row in found]
    left = SQL.count_redrivable(transaction, consumer=consumer, streams_only=only) - len(names)
    if names and not dry_run:
        SQL.release_inbox(transaction, consumer=consumer, released=names)
        SQL.release_parked(transaction, consumer=consumer, released=names, now=now, per_second=PER_SECOND)
    return RedriveResult(names, sum(row["events"] for row in found), max(0, left))


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="functions.main redrive", description="Try parked events again.")
    parser.add_argument("consumer", choices=sorted(row.name for row in load().event_rows()))
    parser.add_argument("--stream", action="append", default=[], help="only this stream; may be given again")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be released")
    chosen = parser.parse_args(arguments)
    owner = consumer_of(chosen.consumer).service
    requirements.check_job(resources().settings, owner)
    with resources().database(owner).transaction() as transaction:
        now = resources().clock.now()
        found = redrive(transaction, chosen.consumer, chosen.stream, now, dry_run=chosen.dry_run)
    done = "would be released" if chosen.dry_run else "released"
    print(f"{len(found.streams)} streams with {found.events} events {done}, {found.left} left")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
