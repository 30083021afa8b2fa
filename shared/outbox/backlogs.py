"""What waits in the databases of services, as metrics of the process that works it off."""

from collections.abc import Sequence

from shared.jobs.failures import count_failures
from shared.outbox.redrive import count_parked
from shared.outbox.relay import measure_unsent
from shared.outbox.replication import lags
from shared.registry import Row, load
from shared.resources import Resources
from shared.telemetry.collectors import (
    register_failing_items,
    register_parked_events,
    register_replication_lags,
    register_unsent_events,
)


def report(services: Sequence[str], resources: Resources) -> None:
    """Export the parked and unsent events, the failing items and the replication lags of all these services together.

    To be called once.
    """
    clock, stored = resources.clock, [name for name in services if load().services[name].database]
    databases = [resources.database(name) for name in stored]
    outboxes = [resources.database(name) for name in stored if load().services[name].outbox == "postgres"]
    if databases:
        register_parked_events(lambda: [each for database in databases for each in count_parked(database, clock)])
        register_failing_items(lambda: [each for database in databases for each in count_failures(database, clock)])
    crossing = [row for name in stored for row in load().of(name) if row.cells != "own"]
    if crossing and resources.settings.other_cells:
        register_replication_lags(lambda: _lags(crossing, resources))
    if outboxes:
        register_unsent_events(lambda: total([measure_unsent(database, clock) for database in outboxes]))


def _lags(rows: Sequence[Row], resources: Resources) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for service in {row.service for row in rows}:
        names = [row.name for row in rows if row.service == service]
        with resources.database(service).transaction() as transaction:
            found |= lags(transaction, names, resources.clock)
    return found


def total(backlogs: Sequence[tuple[int, float]]) -> tuple[int, float]:
    """How many wait in all of several backlogs, and for how long the oldest of them has.

    backlogs: at least one.
    """
    return sum(count for count, _ in backlogs), max(seconds for _, seconds in backlogs)
