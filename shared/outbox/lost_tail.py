"""The job that lists the lost tail of a promotion: events that a cell's old primary has and the promoted one lacks.

    python -m functions.main lost-tail HOST:PORT        on the local stack; in the cloud PROJECT:REGION:INSTANCE

It runs where the promoted cell is served, and is told where the old primary is, which is fenced. It prints each event
as a line of JSON, for a person to decide: nothing is re-applied, since whoever lost an order may have placed it again.

Events are looked through from the newest back. What committed after the standby's end was recorded no longer before
that than a transaction can live, so it ends when so much time has passed without a missing one.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from shared.cells.promotion import lost_tail
from shared.config import Settings, settings
from shared.contracts.encode import to_json
from shared.outbox.log import SQL
from shared.postgres.connect import TRANSACTION_SECONDS, connector
from shared.postgres.database import Database
from shared.registry import load
from shared.requirements import check_job
from shared.resources import Resources

PAGE: Final = 500

NO_LONGER: Final = timedelta(seconds=2 * TRANSACTION_SECONDS)
"""For how much time nothing may be missing until nothing older is: a transaction's, and the clocks' difference."""

NEWEST: Final = 2**63 - 1
"""More than any position."""


def missing(old: Database, promoted: Database) -> list[dict[str, Any]]:
    """The events of one service that its old store has and the promoted one lacks, the newest first."""
    found: list[dict[str, Any]] = []
    below = NEWEST
    known_since = None
    while True:
        with old.statement() as statement:
            page = SQL.page_back(statement, below=below, most=PAGE)
        if not page:
            return found
        survived = _survived(promoted, page)
        lost = lost_tail(page, lambda event: event["id"] in survived)  # noqa: B023 - called at once
        found += lost
        known_since = lost[-1]["at"] if lost else known_since or page[0]["at"]
        if page[-1]["at"] < known_since - NO_LONGER:
            return found
        below = page[-1]["position"]


def _survived(promoted: Database, page: Sequence[dict[str, Any]]) -> set[str]:
    listed = [{"stream": each["stream"], "version": each["version"]} for each in page]
    with promoted.transaction() as transaction:
        return {row["id"] for row in SQL.find_ids(transaction, events=to_json(listed).decode())}


def tails(parts: Resources, old: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is missing of each service's events. old: the settings for connecting to the old primary."""
    for service, entry in load().services.items():
        if entry.database:
            former = Database(connector(old, service), parts.breaker("database", f"{service} before", 1))
            try:
                yield from ((service, event) for event in missing(former, parts.database(service)))
            finally:
                former.close()


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="functions.main lost-tail", description="List what a promotion has undone.")
    parser.add_argument("old", help="HOST:PORT of the old primary, or in the cloud its PROJECT:REGION:INSTANCE")
    place = parser.parse_args(arguments).old
    config = settings()
    check_job(config, "platform")
    if config.cloud_sql_instance:
        old = replace(config, cloud_sql_instance=place)
    else:
        host, _, port = place.rpartition(":")
        old = replace(config, database_host=host, database_port=int(port))
    number = 0
    for service, event in tails(Resources(config), old):
        print(msgspec.json.encode({"service": service, **event}).decode(), flush=True)
        number += 1
    print(f"{number} events of {config.cell} are on the old primary alone.")
    return 0
