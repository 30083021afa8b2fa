"""Prints and stores what `make bench` has measured: a table with bars, a Markdown table, bench.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.goals import FLOOR, Measurement, as_json

BAR: Final = 20
"""The width of a bar that reaches its goal twice; a mark is at the goal."""

COLUMNS: Final = ("row", "value", "goal", "of goal", "rounds", "measured")


def show(measurements: Sequence[Measurement], console: Console) -> None:
    """Print a table with a bar for each row: the share of its goal, which the mark in the middle stands for."""
    table = Table(*COLUMNS[:3], "", *COLUMNS[3:], pad_edge=False)
    for each in measurements:
        colour = "green" if each.ok else "red" if each.failed else "yellow"
        cells = cells_of(each)
        table.add_row(*cells[:3], f"[{colour}]{bar(each.share) if each.goal.value else ''}", *cells[3:])
    console.print(table)
    for each in measurements:
        if each.failed:
            console.print(f"[red]{each.name} is below {FLOOR:.0%} of its goal.[/red]")


def cells_of(measurement: Measurement) -> tuple[str, ...]:
    """A row of the table, under COLUMNS."""
    goal = measurement.goal
    share = f"{measurement.share:.0%}" if goal.value else ""
    value = f"{significant(measurement.value)}{goal.unit}"
    return measurement.name, value, goal.text, share, str(len(measurement.rounds)), measurement.detail


def significant(value: float) -> str:
    """A figure with three significant digits, and none cut off before the point: 0.123, 12.3, 1,234."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def bar(share: float) -> str:
    """A bar as long as the share of a goal, at most twice the goal, with a mark at the goal."""
    filled = round(min(max(share, 0.0), 2.0) * BAR / 2)
    cells = ["█" if place < filled else "·" for place in range(BAR)]
    cells.insert(BAR // 2, "|")
    return "".join(cells)


def markdown(measurements: Sequence[Measurement]) -> str:
    """The table in Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for each in measurements:
        mark = "" if each.ok else " (missed)"
        name, value, *others = cells_of(each)
        lines.append("| " + " | ".join((f"`{name}`", f"{value}{mark}", *others)) + " |")
    return "\n".join(lines) + "\n"


def store(measurements: Sequence[Measurement], folder: Path) -> None:
    """Write bench.json and bench.md. Rows of an earlier run that were not measured now are kept in neither."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(as_json(measurements), indent=2) + "\n"
    (folder / "bench.json").write_text(text, encoding="utf-8")
    (folder / "bench.md").write_text(markdown(measurements), encoding="utf-8")
