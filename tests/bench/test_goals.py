"""The arithmetic of goals, and the forms in which results are given."""

import json
from pathlib import Path

import pytest

from tests.bench.goals import FLOOR, GOALS, Goal, Measurement, as_json, share
from tests.bench.results import bar, markdown, significant, store

HIGHER = "get_supply_http_vs_hello"
LOWER = "wal_kb_per_paid_order"


def reaching(name: str, part: float) -> Measurement:
    """A measurement that reaches a share of its goal."""
    goal = GOALS[name]
    return Measurement(name, [goal.value / part if goal.lower_is_better else goal.value * part])


@pytest.mark.parametrize(
    ("goal", "value", "expected"),
    [
        (Goal(3), 6, 2),
        (Goal(3), 1.5, 0.5),
        (Goal(20, lower_is_better=True), 10, 2),
        (Goal(20, lower_is_better=True), 40, 0.5),
        (Goal(20, lower_is_better=True), 0, float("inf")),
        (Goal(0), 0.001, 1),
    ],
)
def test_the_share_of_a_goal_grows_with_what_is_better(goal: Goal, value: float, expected: float) -> None:
    """A row that may be at most its goal reaches it from above."""
    assert share(goal, value) == expected


@pytest.mark.parametrize("name", [HIGHER, LOWER])
@pytest.mark.parametrize(("part", "ok", "failed"), [(1.01, True, False), (0.9, False, False), (0.79, False, True)])
def test_a_row_is_ok_at_its_goal_and_fails_below_the_floor(name: str, part: float, ok: bool, failed: bool) -> None:
    """Between the floor and the goal it is neither."""
    assert FLOOR == 0.8
    assert (reaching(name, part).ok, reaching(name, part).failed) == (ok, failed)


def test_the_value_is_the_median_of_the_rounds() -> None:
    """One round that was disturbed does not move it."""
    assert Measurement(HIGHER, [0.7, 0.8, 0.1, 0.75, 9.0]).value == 0.75


def test_the_json_has_a_row_for_each_measurement(tmp_path: Path) -> None:
    """With its value, its goal, whether that is reached, and every round."""
    found = [Measurement(HIGHER, [0.5, 0.9, 0.8]), Measurement(LOWER, [30.0]), Measurement("transfer_in_python", [0.3])]
    store(found, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "bench.json").read_text()) == as_json(found)
    rows = as_json(found)["ratios"]
    assert rows[HIGHER] == {"value": 0.8, "goal": 0.7, "better": "higher", "ok": True, "rounds": [0.5, 0.9, 0.8]}
    assert rows[LOWER] == {"value": 30.0, "goal": 20, "better": "lower", "ok": False, "rounds": [30.0]}
    assert rows["transfer_in_python"]["goal"] is None


def test_the_markdown_table_marks_what_is_missed() -> None:
    """A line for each row, beneath the head."""
    head, rule, first, second = markdown([reaching(HIGHER, 2), reaching(LOWER, 0.5)]).splitlines()
    assert head.count("|") == rule.count("|") == first.count("|")
    assert f"`{HIGHER}` | 1.4x | >= 0.7x | 200%" in first
    assert f"`{LOWER}` | 40 kB (missed) | <= 20 kB | 50%" in second


@pytest.mark.parametrize(("part", "filled"), [(0, 0), (0.5, 5), (1, 10), (2, 20), (7, 20), (float("inf"), 20)])
def test_a_bar_is_as_long_as_the_share_of_the_goal(part: float, filled: int) -> None:
    """At most twice the goal."""
    assert bar(part).count("█") == filled
    assert len(bar(part)) == 21


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (0, "0")])
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    """None is cut off before the point."""
    assert significant(value) == text
