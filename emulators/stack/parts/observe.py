"""Prometheus and Alertmanager over a stack (`make run OBSERVE=1`): Debian's, with the rules that Google Cloud has too.

Prometheus scrapes every process of Meridian with the labels that Managed Service for Prometheus gives its series
(shared/telemetry/cloud_monitoring.py), so that the same queries find them: location, cluster (the cell), job.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from emulators.stack import readiness
from emulators.stack.environment import ROOT, Layout
from emulators.stack.errors import MissingDependency
from emulators.stack.ports import metrics_of
from emulators.stack.sites import Site
from emulators.stack.supervisor import Program

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
NAMES: Final = (PROMETHEUS, ALERTMANAGER)
COMMANDS: Final = {PROMETHEUS: "prometheus", ALERTMANAGER: "prometheus-alertmanager"}
"""What Debian calls the executables, and the packages that have them."""

RULES: Final = ROOT / "terraform" / "modules" / "observability" / "generated" / "rules.yaml"
EVERY: Final = "15s"
KEPT: Final = "2d"


def names(*, wanted: bool) -> tuple[str, ...]:
    """The programs, if they are wanted. Raises MissingDependency if one of them is not installed then."""
    if not wanted:
        return ()
    for command in COMMANDS.values():
        if shutil.which(command) is None:
            raise MissingDependency(f"{command}, which OBSERVE=1 needs,", f"apt-get install {command}")
    return NAMES


def configure(layout: Layout) -> None:
    """Write what they read, if the stack has them."""
    if PROMETHEUS not in layout.ports:
        return
    for name, configuration in ((PROMETHEUS, scraping(layout)), (ALERTMANAGER, routing())):
        _file(layout, name).write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")


def scraping(layout: Layout) -> dict[str, Any]:
    """Prometheus's configuration."""
    receivers = [layout.address(ALERTMANAGER)] if ALERTMANAGER in layout.ports else []
    return {
        "global": {"scrape_interval": EVERY, "evaluation_interval": EVERY},
        "rule_files": [str(RULES)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": receivers}]}]},
        "scrape_configs": [{"job_name": "meridian", "static_configs": list(_targets(layout))}],
    }


def _targets(layout: Layout) -> Iterator[dict[str, Any]]:
    """Every process that exports metrics, with its labels."""
    suffix = metrics_of("")
    for port in layout.ports:
        if port.endswith(suffix):
            program = port.removesuffix(suffix)
            site = _site_of(layout, program)
            labels = {
                "location": site.region,
                "cluster": site.cell,
                "namespace": "local",
                "job": program.removesuffix(f"-{site.name}"),
                "instance": program,
            }
            yield {"targets": [layout.address(port)], "labels": labels}


def _site_of(layout: Layout, program: str) -> Site:
    return max((site for site in layout.places if program.endswith(f"-{site.name}")), key=lambda site: len(site.name))


def routing() -> dict[str, Any]:
    """Alertmanager's configuration: it shows what fires, by alert; it tells nobody."""
    return {
        "route": {"receiver": "page", "group_by": ["alertname", "location"], "group_wait": "10s"},
        "receivers": [{"name": "page"}],
    }


def programs(layout: Layout) -> list[Program]:
    """Both of them, where the stack has them."""
    if PROMETHEUS not in layout.ports:
        return []
    prometheus, alertmanager = layout.address(PROMETHEUS), layout.address(ALERTMANAGER)
    data = {name: layout.state / f"{name}-data" for name in NAMES}
    commands = {
        PROMETHEUS: (
            COMMANDS[PROMETHEUS],
            f"--config.file={_file(layout, PROMETHEUS)}",
            f"--storage.tsdb.path={data[PROMETHEUS]}",
            f"--storage.tsdb.retention.time={KEPT}",
            f"--web.listen-address={prometheus}",
        ),
        ALERTMANAGER: (
            COMMANDS[ALERTMANAGER],
            f"--config.file={_file(layout, ALERTMANAGER)}",
            f"--storage.path={data[ALERTMANAGER]}",
            f"--web.listen-address={alertmanager}",
            "--cluster.listen-address=",  # alone
        ),
    }
    return [
        Program(name, commands[name], readiness.http_ok(layout.ports[name], "/-/ready"), layout.state) for name in NAMES
    ]


def _file(layout: Layout, name: str) -> Path:
    return layout.state / f"{name}.yaml"
