"""Rules, alerts and dashboards ask for what there is, and what is generated of them is fresh."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from cloudbuild.observability.alerts import ALERTS, BY_NAME
from cloudbuild.observability.dashboards import BOARDS
from cloudbuild.observability.generate import MODULE, generated
from cloudbuild.observability.queries import RECORDINGS, spelt_out
from shared.telemetry.catalogue import METRICS, Metric
from tests.acceptance.firing import CAUSED
from tests.acceptance.scenes import SCENES

ROOT: Final = Path(__file__).parents[2]
SELECTOR: Final = re.compile(r"(meridian_\w+)(?:\{([^}]*)\})?")
LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
BY: Final = re.compile(r"by \(([\w, ]+)\)")
OURS: Final = {"location", "cluster", "namespace", "job", "instance", "le"}
"""Labels that every series has, or a histogram's."""


def names_of(metric: Metric) -> set[str]:
    """What a query calls a metric."""
    return (
        {f"{metric.name}_{each}" for each in ("bucket", "count", "sum")}
        if metric.kind == "histogram"
        else {metric.exported}
    )


QUERIES: Final = [
    *(each.query for each in RECORDINGS),
    *(spelt_out(alert.condition) for alert in ALERTS if not alert.local),
    *(spelt_out(panel.query) for board in BOARDS for panel in board.panels),
]
KNOWN: Final = {name: metric for metric in METRICS for name in names_of(metric)}


def test_queries_ask_for_what_the_catalogue_lists() -> None:
    """Metrics by their names, and labels that they have."""
    for query in QUERIES:
        asked = SELECTOR.findall(query)
        assert asked, query
        labels: set[str] = set()
        for name, selector in asked:
            assert name in KNOWN, query
            labels |= set(KNOWN[name].labels)
            assert set(LABEL.findall(selector)) <= {*KNOWN[name].labels, *OURS}, query
        grouped = {label.strip() for group in BY.findall(query) for label in group.split(",")}
        assert grouped <= labels | OURS, query


def test_every_metric_is_watched() -> None:
    """A metric that no panel and no alert asks for is one too many."""
    asked = {KNOWN[name].name for query in QUERIES for name, _ in SELECTOR.findall(query)}
    assert {metric.name for metric in METRICS} == asked


def test_each_alert_is_tested_as_it_says() -> None:
    """By what it causes on a running stack, and by promtool."""
    for module in ("test_alerts", "test_console_long"):
        import_module(f"tests.acceptance.{module}")
    assert {alert.name for alert in ALERTS if alert.tested != "by promtool"} == CAUSED
    assert BY_NAME.keys() == SCENES.keys()


def test_a_metrics_labels_are_its_own() -> None:
    """Prometheus renames a label that the target has too, and no query would find it."""
    for metric in METRICS:
        assert not OURS & set(metric.labels), metric.name


def test_a_legend_names_labels_of_its_query() -> None:
    """Each series is called by what tells it from the others."""
    for board in BOARDS:
        for panel in board.panels:
            grouped = {label.strip() for group in BY.findall(spelt_out(panel.query)) for label in group.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", panel.legend)) <= grouped, panel.title


def test_what_is_generated_is_fresh() -> None:
    """`make gen` was run."""
    for path, text in generated().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, path


def test_grafana_takes_its_dashboards() -> None:
    """By its own types: what is in a file is what they read of it, so nothing is misspelt or lost."""
    for board in BOARDS:
        text = (ROOT / MODULE / "grafana" / f"{board.name}.json").read_text(encoding="utf-8")
        again: Any = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(text))))
        assert again == json.loads(text)
        assert len(again["panels"]) == len(board.panels)
        assert len({panel.title for panel in board.panels}) == len(board.panels)
