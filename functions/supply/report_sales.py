"""Report what this cell has reserved and sold of other cells' supplies to their homes."""

from typing import Final

from functions.supply.ports import SupplyWork

BATCH: Final = 100
"""The most supplies per run; the rest waits for the next run."""


def report_sales(work: SupplyWork) -> dict[str, int]:
    """One event for each supply that has changed since the last run, however much it has sold."""
    return {"reported": work.quotas.report(BATCH)}
