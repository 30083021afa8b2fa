"""The description of all metrics: their names, kinds, labels and meaning, once. docs/metrics.md is made of it by
`make gen`, and rules and dashboards may only ask for what is listed here.

Labels have few values: names of rows, dependencies, types, statuses and codes; never an id or user input.

    python -m shared.telemetry.catalogue    print docs/metrics.md
"""

import sys
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram"]

Total = Literal["sum", "max", "min"]
"""How the series of several processes make up one: those that a process counts by itself are added; of those that each
instance reads from the same place (a database, a chain) one is as good as the other, and the worst is taken."""

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Of durations, in seconds: what a request takes."""

WAITING_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 86_400, 604_800)
"""Of what may wait for events, for a person, or for a week, in seconds."""


class Metric(msgspec.Struct, frozen=True):
    """A metric.

    name: as it is exported, but for the suffix `_total` of a counter.
    total: how series of several processes are put together.
    buckets: of a histogram, in seconds.
    """

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()
    total: Total = "sum"
    buckets: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """Its name in queries; a histogram has `_bucket`, `_count` and `_sum` behind it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def _histogram(name: str, about: str, *labels: str, buckets: tuple[float, ...] = BUCKETS) -> Metric:
    return Metric(name, "histogram", about, labels, "sum", buckets)


def _counter(name: str, about: str, *labels: str) -> Metric:
    return Metric(name, "counter", about, labels)


def _gauge(name: str, about: str, *labels: str, total: Total = "sum") -> Metric:
    return Metric(name, "gauge", about, labels, total)


METRICS: Final = (
    # What runs
    _histogram(
        "meridian_operation_duration_seconds",
        "How long operations took, by kind (http, event, schedule, rpc, poll), row and outcome: an HTTP status, or OK"
        " or the code of an RPC or a polling row.",
        *("kind", "operation", "outcome"),
    ),
    _gauge(
        "meridian_last_success_timestamp_seconds",
        "When a polling operation last succeeded in this process, in Unix time; 0 if it has not yet.",
        "operation",
        total="max",
    ),
    _gauge("meridian_start_seconds", "How long this process took from its start to be ready.", "role", total="max"),
    # What it depends on
    _histogram("meridian_dependency_duration_seconds", "How long calls of a dependency took.", "dependency"),
    _gauge("meridian_breaker_state", "1 in the state.", "dependency", "state"),
    _counter("meridian_breaker_calls", "Calls that were made.", "dependency"),
    _counter("meridian_breaker_failures", "Calls that failed or were slow.", "dependency"),
    _counter("meridian_breaker_refused", "Calls that were not made.", "dependency"),
    _gauge("meridian_breaker_under_way", "Calls at this moment; of a database, its connections in use.", "dependency"),
    _gauge("meridian_breaker_places", "Calls that may be under way; of a database, its pool.", "dependency"),
    _counter(
        "meridian_cache_reads",
        "Reads of cached resources, by kind and outcome: hit, absent (known not to exist), miss (read from the"
        " database) or bypassed (Redis did not answer, or a write was under way).",
        *("kind", "outcome"),
    ),
    _counter(
        "meridian_rate_limit_decisions",
        "Decisions of rate limits, by profile, kind of subject and outcome: admitted or refused.",
        *("profile", "subject", "outcome"),
    ),
    _counter("meridian_rate_limit_fallbacks", "Requests that an instance counted by itself: without Redis."),
    # Events
    _counter("meridian_events_published", "Events that the outbox's relay has published, by type.", "type"),
    _histogram(
        "meridian_event_stage_seconds",
        "How long after its stream began an event was recorded, by type: from placed to paid, claimed, completed.",
        "type",
        buckets=WAITING_BUCKETS,
    ),
    _counter(
        "meridian_events_received",
        "Deliveries of events, by consumer and outcome: applied, known, parked, foreign, dead (not decodable) or"
        " failed (redelivered).",
        *("consumer", "outcome"),
    ),
    _histogram(
        "meridian_event_handled_seconds",
        "How long after it was recorded an event was applied, by consumer.",
        "consumer",
        buckets=WAITING_BUCKETS,
    ),
    _gauge("meridian_unsent_events", "Events that wait to be published.", total="max"),
    _gauge("meridian_unsent_oldest_seconds", "For how long the oldest of them has waited.", total="max"),
    _gauge(
        "meridian_parked_events",
        "Events that wait, by consumer and by why: a failed one waits for a person.",
        *("consumer", "reason"),
        total="max",
    ),
    _gauge(
        "meridian_parked_oldest_seconds",
        "For how long the oldest of them has waited.",
        *("consumer", "reason"),
        total="max",
    ),
    _gauge(
        "meridian_replication_lag_seconds",
        "For how long a consumer may lack events of another cell; measured every five seconds.",
        *("consumer", "cell"),
        total="max",
    ),
    _gauge("meridian_failing_items", "Items that a job, a row, fails at and tries again.", "operation", total="max"),
    _gauge("meridian_failing_oldest_seconds", "For how long the first of them has failed.", "operation", total="max"),
    # Cells: the lease, what the fence refuses, and the gate
    _gauge(
        "meridian_lease_remaining_seconds",
        "In a keeper: for how long the cell may be written if its lease is not renewed again; 0 once it has ended.",
        total="min",
    ),
    _counter(
        "meridian_lease_renewals",
        "Rounds of a keeper, by outcome: held, failed, or lost to another region or epoch.",
        "outcome",
    ),
    _counter(
        "meridian_fenced",
        "Commits and strong reads that the lease did not cover, by outcome: refused by the database, or late: answered"
        " too late to say so.",
        "outcome",
    ),
    _histogram(
        "meridian_gate_wait_seconds",
        "How long something waited for the designated standby before it left, by kind.",
        "kind",
    ),
    _gauge(
        "meridian_gate_lag_bytes",
        "In a keeper: how much WAL the designated standby has still to flush; 0 if none is designated.",
        total="max",
    ),
    _gauge("meridian_gate_designated", "In a keeper: 1 while a standby is designated, 0 while none is.", total="min"),
    # The business, measured by each service's relay in its own database
    _gauge("meridian_orders", "Orders, by status.", "status", total="max"),
    _gauge("meridian_stock_units", "Units of supplies on sale: available, reserved, sold.", "state", total="max"),
    _gauge("meridian_quota_units", "Units of supplies on sale that this cell may sell by itself.", total="max"),
    _gauge("meridian_claims", "Claims, by status.", "status", total="max"),
    _gauge("meridian_deliveries", "Deliveries to webhooks that are kept, by status.", "status", total="max"),
    _histogram("meridian_delivery_duration_seconds", "How long attempts to deliver to webhooks took.", "outcome"),
    _gauge(
        "meridian_invariant_holds",
        "1 if an invariant held when it was last checked, 0 if it was violated.",
        *("service", "invariant"),
        total="min",
    ),
    _gauge(
        "meridian_invariants_checked_timestamp_seconds",
        "When the invariants of a service were last checked, in Unix time.",
        "service",
        total="max",
    ),
    # The chain
    _gauge(
        "meridian_sender_balance_wei",
        "What a sending key (treasury, relayer) has for gas.",
        "sender",
        total="min",
    ),
    _gauge("meridian_gas_price_wei", "The base fee of the chain's newest block.", "chain", total="max"),
)

BY_NAME: Final = {metric.name: metric for metric in METRICS}

HEAD: Final = """# Metrics

Generated from `shared/telemetry/catalogue.py` by `make gen`. Every process of Meridian serves these at `METRICS_PORT`,
as far as they concern it. *Of several* says how the series of several processes make up one: `sum` for what a process
counts by itself, `max` or `min` for what each reads from the same place.

| name | kind | labels | of several | meaning |
|---|---|---|---|---|
"""


def document(metrics: Iterable[Metric] = METRICS) -> str:
    """The reference of all metrics, in Markdown."""
    return HEAD + "".join(
        f"| `{each.exported}` | {each.kind} | {', '.join(each.labels)} | {each.total} | {each.about} |\n"
        for each in metrics
    )


if __name__ == "__main__":
    sys.stdout.write(document())
