"""The dashboards, from one description: for Grafana, in its own types, and for Cloud Monitoring.

Every panel is a title, a unit and PromQL over the catalogue's metrics; both read the same queries.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from cloudbuild.observability.queries import AVAILABILITY, DURATION, EVENTS, ORDERS, for_prometheus, spelt_out

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
REFRESH: Final = "15s"
HEIGHT: Final = 8
SPAN: Final = 12
"""A panel's size on Grafana's grid, whose rows have 24 columns."""

STAGES: Final = "confirmed|paid|claimed|completed"
COLUMNS: Final = 48
TILE: Final = (24, 16)
"""A tile's size on the mosaic of Cloud Monitoring, which has 48 columns."""


@dataclass(frozen=True)
class Panel:
    """A panel. unit: Grafana's name of it. query: PromQL, with `$name` for what is recorded. legend: of a series."""

    title: str
    unit: str
    query: str
    legend: str


@dataclass(frozen=True)
class Board:
    """A dashboard. name: of its file. panels: in reading order."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str, by: str, selector: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{selector}[5m]))"


def _quantile(share: float, metric: str, by: str, selector: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{selector}[5m])))"


def _or_0(query: str) -> str:
    return f"{query} or vector(0)"


def _of_cells(worst: str, metric: str) -> str:
    return _or_0(f"{worst} by (location, cluster) ({metric})")


OVERVIEW: Final = Board(
    "overview",
    "Meridian: overview",
    (
        Panel("Share of requests answered with 5xx", "percentunit", f"${AVAILABILITY.key}_5m", "{{location}}"),
        Panel("Share of orders slower than a second", "percentunit", f"${ORDERS.key}_5m", "{{location}}"),
        Panel("Share of events handled after 5 s", "percentunit", f"${EVENTS.key}_5m", "{{location}}"),
        Panel("Requests by outcome", "reqps", _rate(f"{DURATION}_count", "outcome", '{kind="http"}'), "{{outcome}}"),
        Panel(
            "Orders placed, confirmed, paid, claimed, completed",
            "cps",
            _rate("meridian_events_published_total", "type", '{type=~"order.*"}'),
            "{{type}}",
        ),
        Panel(
            "From placed to ..., half of the orders",
            "s",
            _quantile(0.5, "meridian_event_stage_seconds", "type", f'{{type=~"order.({STAGES})"}}'),
            "{{type}}",
        ),
        Panel("Orders by status", "short", "max by (status) (meridian_orders)", "{{status}}"),
        Panel("Claims by status", "short", "max by (status) (meridian_claims)", "{{status}}"),
        Panel(
            "Stock by region",
            "short",
            "max by (location, state) (meridian_stock_units)",
            "{{location}} {{state}}",
        ),
        Panel("Quota by region", "short", "max by (location) (meridian_quota_units)", "{{location}}"),
        Panel(
            "Invariants that hold (1) or do not (0)",
            "short",
            "min by (service) (meridian_invariant_holds)",
            "{{service}}",
        ),
        Panel(
            "Since the invariants were checked",
            "s",
            "time() - max by (service) (meridian_invariants_checked_timestamp_seconds)",
            "{{service}}",
        ),
    ),
)

OPERATIONS: Final = Board(
    "operations",
    "Meridian: operations and dependencies",
    (
        Panel("Functions: rate", "reqps", _rate(f"{DURATION}_count", "operation", '{kind="http"}'), "{{operation}}"),
        Panel(
            "Functions: 99 % within",
            "s",
            _quantile(0.99, DURATION, "operation", '{kind="http"}'),
            "{{operation}}",
        ),
        Panel(
            "RPCs: rate",
            "reqps",
            _rate(f"{DURATION}_count", "operation, outcome", '{kind="rpc"}'),
            "{{operation}} {{outcome}}",
        ),
        Panel("RPCs: 99 % within", "s", _quantile(0.99, DURATION, "operation", '{kind="rpc"}'), "{{operation}}"),
        Panel(
            "Polling rows: since the last success",
            "s",
            "time() - max by (operation) (meridian_last_success_timestamp_seconds > 0)",
            "{{operation}}",
        ),
        Panel(
            "Schedules: rate by outcome",
            "cps",
            _rate(f"{DURATION}_count", "operation, outcome", '{kind="schedule"}'),
            "{{operation}} {{outcome}}",
        ),
        Panel(
            "Dependencies: 99 % of calls within",
            "s",
            _quantile(0.99, "meridian_dependency_duration_seconds", "dependency"),
            "{{dependency}}",
        ),
        Panel(
            "Dependencies: failures",
            "cps",
            _rate("meridian_breaker_failures_total", "dependency"),
            "{{dependency}}",
        ),
        Panel("Dependencies: calls", "cps", _rate("meridian_breaker_calls_total", "dependency"), "{{dependency}}"),
        Panel(
            "Dependencies: calls that were refused",
            "cps",
            _rate("meridian_breaker_refused_total", "dependency"),
            "{{dependency}}",
        ),
        Panel(
            "Breakers that are open",
            "short",
            'sum by (dependency) (meridian_breaker_state{state="open"})',
            "{{dependency}}",
        ),
        Panel(
            "Pools: share of places taken",
            "percentunit",
            "max by (dependency) (meridian_breaker_under_way / meridian_breaker_places)",
            "{{dependency}}",
        ),
        Panel(
            "Cache: reads by outcome",
            "cps",
            _rate("meridian_cache_reads_total", "kind, outcome"),
            "{{kind}} {{outcome}}",
        ),
        Panel(
            "Rate limits: decisions",
            "cps",
            _rate("meridian_rate_limit_decisions_total", "profile, outcome"),
            "{{profile}} {{outcome}}",
        ),
        Panel("Starts: time until ready", "s", "max by (job, role) (meridian_start_seconds)", "{{job}}"),
    ),
)

EVENTS_BOARD: Final = Board(
    "events",
    "Meridian: events, jobs, webhooks and the chain",
    (
        Panel("Events published", "cps", _rate("meridian_events_published_total", "type"), "{{type}}"),
        Panel(
            "Deliveries to consumers by outcome",
            "cps",
            _rate("meridian_events_received_total", "consumer, outcome"),
            "{{consumer}} {{outcome}}",
        ),
        Panel(
            "From recorded to applied, 99 %",
            "s",
            _quantile(0.99, "meridian_event_handled_seconds", "consumer"),
            "{{consumer}}",
        ),
        Panel("Outbox: events that wait", "short", "max by (job) (meridian_unsent_events)", "{{job}}"),
        Panel("Outbox: the oldest", "s", "max by (job) (meridian_unsent_oldest_seconds)", "{{job}}"),
        Panel(
            "Parked events",
            "short",
            _or_0("sum by (consumer, reason) (meridian_parked_events)"),
            "{{consumer}} {{reason}}",
        ),
        Panel(
            "Parked events: the oldest",
            "s",
            _or_0("max by (consumer) (meridian_parked_oldest_seconds)"),
            "{{consumer}}",
        ),
        Panel(
            "Replication lag",
            "s",
            _or_0("max by (location, cell) (meridian_replication_lag_seconds)"),
            "{{location}} lacks {{cell}}",
        ),
        Panel("Failing items of jobs", "short", _or_0("max by (operation) (meridian_failing_items)"), "{{operation}}"),
        Panel("Deliveries to webhooks by status", "short", "max by (status) (meridian_deliveries)", "{{status}}"),
        Panel(
            "Attempts of deliveries",
            "cps",
            _rate("meridian_delivery_duration_seconds_count", "outcome"),
            "{{outcome}}",
        ),
        Panel(
            "What senders have for gas (wei)", "short", "min by (sender) (meridian_sender_balance_wei)", "{{sender}}"
        ),
        Panel("Base fee (wei)", "short", "max by (chain) (meridian_gas_price_wei)", "chain {{chain}}"),
    ),
)

CELL: Final = "{{location}} {{cluster}}"

CELLS: Final = Board(
    "cells",
    "Meridian: cells",
    (
        Panel("Leases: what is left", "s", _of_cells("min", "meridian_lease_remaining_seconds"), CELL),
        Panel(
            "Leases: rounds of keepers", "cps", _or_0(_rate("meridian_lease_renewals_total", "outcome")), "{{outcome}}"
        ),
        Panel("Fence: not covered by a lease", "cps", _or_0(_rate("meridian_fenced_total", "outcome")), "{{outcome}}"),
        Panel("Gate: a standby is designated", "short", _of_cells("min", "meridian_gate_designated"), CELL),
        Panel("Gate: WAL that the standby lacks", "bytes", _of_cells("max", "meridian_gate_lag_bytes"), CELL),
        Panel("Gate: 99 % wait for", "s", _or_0(_quantile(0.99, "meridian_gate_wait_seconds", "kind")), "{{kind}}"),
    ),
)
"""One region alone has neither keepers nor standbys: these are 0 then."""

BOARDS: Final = (OVERVIEW, OPERATIONS, EVENTS_BOARD, CELLS)


def grafana(board: Board) -> str:
    """A dashboard as Grafana imports it, by the builders of its own types."""
    made = dashboard.Dashboard(board.title).uid(f"meridian-{board.name}").tags(["meridian"]).refresh(REFRESH)
    made = made.time("now-1h", "now").timezone("utc").readonly()
    for panel in board.panels:
        query = prometheus.Dataquery().expr(for_prometheus(panel.query)).legend_format(panel.legend)
        shown = timeseries.Panel().title(panel.title).unit(panel.unit).datasource(SOURCE).height(HEIGHT).span(SPAN)
        made = made.with_panel(shown.with_target(query))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(made.build())), indent=2, sort_keys=True) + "\n"


def cloud(board: Board) -> dict[str, Any]:
    """A dashboard of Cloud Monitoring, over the series in Managed Service for Prometheus."""
    width, height = TILE
    each_row = COLUMNS // width
    tiles = [
        {
            "xPos": number % each_row * width,
            "yPos": number // each_row * height,
            "width": width,
            "height": height,
            "widget": {
                "title": panel.title,
                "xyChart": {
                    "dataSets": [
                        {
                            "plotType": "LINE",
                            "legendTemplate": panel.legend.replace("{{", "${metric.labels.").replace("}}", "}"),
                            "timeSeriesQuery": {"prometheusQuery": spelt_out(panel.query)},
                        }
                    ]
                },
            },
        }
        for number, panel in enumerate(board.panels)
    ]
    return {"displayName": board.title, "mosaicLayout": {"columns": COLUMNS, "tiles": tiles}}
