"""The report of a drill says which promises were broken."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from emulators.demo.drill_report import DrillFigures, show
from tests.emulators.conftest import ASIA

KEPT = DrillFigures(ASIA, detected=4.9, elsewhere=9.9, promoted=29.9, lost_orders=3, lost_seconds=0.2)
BROKEN: dict[str, Any] = {"detected": 5.1, "elsewhere": 10.1, "promoted": 30.1, "oversold": 2, "money_lost": 5}


def test_what_was_lost_within_the_lag_breaks_no_promise() -> None:
    assert KEPT.broken == []


def test_with_synchronous_standbys_nothing_may_be_undone() -> None:
    """Users whose standby has died wait for longer in exchange."""
    synchronous = replace(KEPT, standbys="synchronous", lost_orders=0, elsewhere=19.9)
    assert synchronous.broken == []
    for broken in ({"lost_orders": 1}, {"lost_withdrawals": 1}, {"elsewhere": 20.1}):
        assert len(replace(synchronous, **broken).broken) == 1, broken


def test_each_broken_promise_is_named(tmp_path: Path) -> None:
    """Each figure by itself, on the screen and in the file."""
    broken = {**BROKEN, "double_claims": 1}
    for name, value in broken.items():
        assert len(replace(KEPT, **{name: value}).broken) == 1, name
    figures = replace(KEPT, **broken, violations=["money is missing"])
    assert len(figures.broken) == len(broken) + 1
    console = Console(file=io.StringIO(), width=120)
    show(figures, console, tmp_path / "report.json")
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert all(line in shown for line in figures.broken)
    assert len(figures.harm) == len(figures.broken) - len(KEPT.bounds)
    assert json.loads((tmp_path / "report.json").read_text())["oversold"] == 2
