"""Each alert fires on what its cause does to the metrics, and none where all is well: by promtool."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloudbuild.observability.alerts import ALERTS
from cloudbuild.observability.generate import rules
from tests.acceptance.scenes import DAYS_APART, HOURS, SCENES, WELL, Scene


def promtool(*arguments: str, within: Path) -> str:
    """What promtool prints. Fails if it fails."""
    ended = subprocess.run(["promtool", *arguments], cwd=within, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the rules."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()), encoding="utf-8")
    return tmp_path


def check_rules(
    folder: Path, series: Mapping[str, str], firing: Sequence[tuple[str, int, bool]], step: int = 1
) -> None:
    """Have promtool test which alerts fire, each as (name, minute, whether it does). step: as a scene's."""
    test = {
        "interval": f"{step}m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
            }
            for name, minute, fires in firing
        ],
    }
    order = [group["name"] for group in rules()["groups"]]  # alerts read what is recorded at the same time
    document: dict[str, Any] = {
        "rule_files": ["rules.yaml"],
        "group_eval_order": order,
        "evaluation_interval": f"{step}m",
        "tests": [test],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    promtool("test", "rules", "test.yaml", within=folder)


def test_the_rules_are_rules(folder: Path) -> None:
    promtool("check", "rules", "rules.yaml", within=folder)


@pytest.mark.parametrize(("name", "scene"), SCENES.items())
def test_it_fires(folder: Path, name: str, scene: Scene) -> None:
    """By its minute, and not before it has lasted."""
    check_rules(folder, scene.series, [(name, scene.quiet, False), (name, scene.fires, True)], scene.step)


def test_nothing_fires_where_all_is_well(folder: Path) -> None:
    """After ten minutes, two hours and three days. Those whose metrics are ages need samples a minute apart."""
    check_rules(folder, WELL, [(alert.name, minute, False) for alert in ALERTS for minute in (10, 120)])
    burning = [alert.name for alert in ALERTS if "Burns" in alert.name]
    check_rules(folder, WELL, [(name, 73 * HOURS, False) for name in burning], DAYS_APART)
