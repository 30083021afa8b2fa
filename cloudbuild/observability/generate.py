"""Writes what is generated of the descriptions: rules and dashboards into the module of Terraform, docs/alerts.md.

    python -m cloudbuild.observability.generate [FOLDER]

`make gen` calls it, and `make lint` compares. A Prometheus of one's own reads rules.yaml, a Grafana the files of
grafana/; Terraform creates alerts.json and cloud/ in Cloud Monitoring.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from cloudbuild.observability.alerts import ALERTS, Alert
from cloudbuild.observability.dashboards import BOARDS, cloud, grafana
from cloudbuild.observability.queries import RECORDINGS, for_prometheus, spelt_out

ROOT: Final = Path(__file__).parents[2]
MODULE: Final = Path("terraform/modules/observability/generated")
RULES: Final = MODULE / "rules.yaml"
ALERT_TABLE: Final = Path("docs/alerts.md")

EVERY: Final = "15s"
"""How often Prometheus evaluates rules: as often as it scrapes."""

LOOK_SECONDS: Final = 30
"""A scrape and an evaluation: how long after its cause a condition is seen at the latest, besides what it waits for."""

HEAD: Final = f"""# Alerts

Generated from `cloudbuild/observability/alerts.py` by `make gen`. A page wakes somebody; a ticket waits for the
morning. *Fires after*: how long its cause has to last, the age that it looks at included; a scrape and an evaluation
come on top, {LOOK_SECONDS} s at most, the minute between two checks of invariants, and what a burn rate takes to use
up its share of the budget. *Tested*: promtool fires each from the series that its cause makes
(`tests/acceptance/scenes.py`), and a test causes it *for real* on a running stack, whose Prometheus has seconds in
place of minutes (`test_alerts.py` there); *long*: on three regions (`test_console_long.py`).

| alert | severity | cause in the test | fires after | tested | what to do |
|---|---|---|---|---|---|
"""


def rules(alerts: Iterable[Alert] = ALERTS) -> dict[str, Any]:
    """The rules of a Prometheus."""
    recorded = [{"record": each.name, "expr": each.query} for each in RECORDINGS]
    alerting = [
        {
            "alert": each.name,
            "expr": for_prometheus(each.condition),
            "for": f"{each.minutes}m",
            "labels": {"severity": each.severity},
            "annotations": {"summary": each.summary, "description": each.remedy},
        }
        for each in alerts
    ]
    return {
        "groups": [
            {"name": "indicators", "interval": EVERY, "rules": recorded},
            {"name": "alerts", "interval": EVERY, "rules": alerting},
        ]
    }


def for_the_cloud(alerts: Iterable[Alert] = ALERTS) -> dict[str, Any]:
    """The alerts of Cloud Monitoring, by name: what Terraform makes policies of."""
    return {
        each.name: {
            "severity": "CRITICAL" if each.severity == "page" else "WARNING",
            "query": spelt_out(each.condition),
            "seconds": each.minutes * 60,
            "summary": each.summary,
            "remedy": each.remedy,
        }
        for each in alerts
        if not each.local
    }


def fires_after(alert: Alert) -> str:
    """How long an alert's cause has to last until it fires, in words."""
    minutes = alert.minutes + alert.older_than_seconds // 60
    return f"{minutes} min" if minutes else "at once"


def table(alerts: Iterable[Alert] = ALERTS) -> str:
    """The alerts in Markdown."""
    rows = (
        (f"`{each.name}`", each.severity, each.cause, fires_after(each), each.tested, each.remedy) for each in alerts
    )
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def generated() -> Mapping[Path, str]:
    """Every generated file by its path from the root."""
    files = {
        RULES: yaml.safe_dump(rules(), sort_keys=False, width=120),
        MODULE / "alerts.json": _json(for_the_cloud()),
        ALERT_TABLE: table(),
    }
    files |= {MODULE / "grafana" / f"{board.name}.json": grafana(board) for board in BOARDS}
    files |= {MODULE / "cloud" / f"{board.name}.json": _json(cloud(board)) for board in BOARDS}
    return files


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def main(folder: Path) -> None:
    """Write all of them beneath a folder."""
    for path, text in generated().items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
