"""Prints the table of `make cost`.

python -m terraform.cost [--environment production] [--orders 0 1000000 100000000]
"""

import argparse

from rich.console import Console
from rich.table import Table

from shared.registry import Registry, load
from terraform.cost.model import Sizes, cells, month, read_sizes
from terraform.cost.prices import DAYS, PRICES

ORDERS = (0, 1_000_000, 100_000_000)


def table(registry: Registry, of: Sizes, orders: list[int]) -> Table:
    """A column for each number of orders a day."""
    months = [month(registry, of, each) for each in orders]
    made = Table(title=f"US dollars a month ({len(registry.regions)} regions, {len(registry.rows)} rows)")
    made.add_column("part")
    for each in orders:
        made.add_column("idle" if each == 0 else f"{each:,} orders/day", justify="right")
    for part in months[0]:
        made.add_row(part, *(f"{each[part]:,.0f}" for each in months))
    made.add_section()
    made.add_row("together", *(f"{sum(each.values()):,.0f}" for each in months))
    made.add_row("of an order", *(_of_an_order(sum(m.values()), each) for m, each in zip(months, orders, strict=True)))
    made.add_row("cells", *(str(cells(each, of, registry)) for each in orders))
    return made


def _of_an_order(total: float, orders: int) -> str:
    return f"{total / DAYS / orders:.6f}" if orders else ""


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="terraform.cost", description="Computes what a month costs.")
    parser.add_argument("--environment", default="production")
    parser.add_argument("--orders", type=int, nargs="+", default=list(ORDERS), help="orders a day")
    chosen = parser.parse_args()
    console = Console()
    console.print(table(load(), read_sizes(chosen.environment), chosen.orders))
    read = sorted({price.read for price in PRICES.values()})
    console.print(f"Public list prices of us-central1 as of {', '.join(read)}; see terraform/cost/prices.py.")


if __name__ == "__main__":
    main()
