"""List the cells: where each is served, under which epoch and lease, and its standby."""

from functions.platform.figure_views import CellsView, CellView
from functions.platform.ports import CellsWork
from shared.contracts.operations import Request


class ListCells(Request):
    """No parameters."""


def list_cells(request: ListCells, work: CellsWork) -> CellsView:
    """All cells, those whose regions are down included: what is known of them is kept apart. Raises Unavailable."""
    return CellsView([CellView.of(cell) for cell in work.cells.all()])
