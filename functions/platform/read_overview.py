"""Read what operators watch: each cell in figures."""

from functions.platform.figure_views import CellFiguresView, OverviewView
from functions.platform.ports import OverviewWork
from shared.contracts.operations import Request


class ReadOverview(Request):
    """No parameters."""


def read_overview(request: ReadOverview, work: OverviewWork) -> OverviewView:
    """Health, orders, stock, money, outboxes and breakers of each cell. What does not answer is named, and left out."""
    figures, missing = work.measured.read_all()
    cell, _ = work.site
    view = CellFiguresView.of(work.site, figures, work.dependencies.check(), work.dependencies.lags())
    return OverviewView([view], [f"{cell} {name}" for name in figures], [f"{cell} {name}" for name in missing])
