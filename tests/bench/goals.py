"""The goal of each row of `make bench`, in one table, and the arithmetic of reaching it.

A row whose value falls below FLOOR of its goal fails the bench; one between that and its goal is shown as not reached.
Machines differ and are noisy, so that every row is a ratio of two things measured in turns, or a count.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

FLOOR: Final = 0.8
"""The share of its goal below which a row fails."""


@dataclass(frozen=True)
class Goal:
    """What a row promises.

    value: the goal; 0 for a row that is shown without one.
    lower_is_better: whether the row may be at most the goal, rather than at least.
    unit: of the value, shown after it.
    """

    value: float
    lower_is_better: bool = False
    unit: str = "x"

    @property
    def text(self) -> str:
        """As in `>= 3x`."""
        return f"{'<=' if self.lower_is_better else '>='} {self.value:g}{self.unit}" if self.value else ""


@dataclass(frozen=True)
class Measurement:
    """A row's values, one for each round, and the absolute figures behind them."""

    name: str
    rounds: Sequence[float]
    detail: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def goal(self) -> Goal:
        """Its row's. Raises KeyError for a row that is not in the table."""
        return GOALS[self.name]

    @property
    def share(self) -> float:
        """The share of its goal that it reaches: above 1 for better than that, whichever way is better."""
        return share(self.goal, self.value)

    @property
    def ok(self) -> bool:
        """Whether it reaches its goal."""
        return self.share >= 1

    @property
    def failed(self) -> bool:
        """Whether it is below FLOOR of its goal."""
        return self.share < FLOOR


def share(goal: Goal, value: float) -> float:
    """The share of a goal that a value reaches; 1 without a goal."""
    if not goal.value:
        return 1.0
    if not goal.lower_is_better:
        return value / goal.value
    return goal.value / value if value > 0 else float("inf")


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """What bench.json holds."""
    return {
        "ratios": {
            each.name: {
                "value": round(each.value, 4),
                "goal": each.goal.value or None,
                "better": "lower" if each.goal.lower_is_better else "higher",
                "ok": each.ok,
                "rounds": [round(value, 4) for value in each.rounds],
            }
            for each in measurements
        }
    }


def _at_least(value: float, unit: str = "x") -> Goal:
    return Goal(value, unit=unit)


def _at_most(value: float, unit: str = "x") -> Goal:
    return Goal(value, lower_is_better=True, unit=unit)


NO_GOAL: Final = Goal(0)

GOALS: Final[dict[str, Goal]] = {
    # Orders through the edge (orders.py)
    "paid_vs_confirmed": _at_least(0.9),
    "create_order_http_vs_hello": _at_least(0.12),
    "create_order_http_vs_hello_16_supplies": _at_least(0.12),
    "get_supply_http_vs_hello": _at_least(0.7),
    "bound_create_order_http_vs_hello": NO_GOAL,
    "bound_health_http_vs_hello": NO_GOAL,
    # What an order costs (cost.py, large.py)
    "cpu_paid_order_vs_hello": _at_most(65),
    "cpu_paid_order_vs_hello_kafka": _at_most(40),
    "cpu_paid_order_vs_hello_pull": _at_most(40),
    "pushes_per_claimed_order": _at_most(14, ""),
    "wal_kb_per_paid_order": _at_most(20, " kB"),
    "commits_per_order_alone": _at_most(15, ""),
    "commits_per_order_in_batches": _at_most(8, ""),
    "cost_per_order_large_vs_empty": _at_most(1.1),
    # Three regions (regions.py)
    "orders_per_cpu_second_three_regions_vs_one": _at_least(0.9),
    "orders_per_cpu_second_three_regions_vs_one_same_load_in_all": NO_GOAL,
    # The sample sale (sample_sale.py)
    "sample_sale_orders_per_second": _at_least(150, "/s"),
    "sample_sale_seconds": _at_most(30, " s"),
    # Functions (processes.py); with all of telemetry a cold start may take 2.0: these goals are stricter
    "cold_start_vs_hello_create_order": _at_most(1.8),
    "cold_start_vs_hello_capture_hold": _at_most(1.6),
    "function_rss_mb": _at_most(80, " MB"),
    # Tracing (tracing.py)
    "tracing_cached_read": _at_least(0.9),
    "tracing_create_order": _at_least(0.9),
    # Statements (reserve.py, ledger.py)
    "reserve_vs_naive": _at_least(15),
    "reserve_vs_pgbench_insert": _at_least(0.6),
    "transfer_uniform_vs_tpcb": _at_least(1.3),
    "transfer_hot_vs_naive": _at_least(8),
    "transfer_vs_pgledger_uniform": _at_least(2),
    "transfer_vs_pgledger_hot": _at_least(5),
    "transfer_in_python": NO_GOAL,
    # Parts (identity.py, redis_pipeline.py, reads.py, relay.py, transports.py)
    "sign_in_verification": _at_least(10),
    "token_verification": _at_least(30),
    "pipeline_on_a_server": NO_GOAL,
    "pipeline_on_a_cluster": _at_least(2),
    "cached_supply": _at_least(3),
    "cached_order": _at_least(3),
    "cached_claim": _at_least(3),
    "cached_supply_or_no_cache": NO_GOAL,
    "cached_order_or_no_cache": NO_GOAL,
    "cached_claim_or_no_cache": NO_GOAL,
    "relay": _at_least(10),
    "commit_to_handler": _at_least(1 / 1.5),
    "kafka_beside_push": _at_least(3),  # 5 while each event was a push of its own
}
"""By the name of the row, which is also its name in bench.json."""
