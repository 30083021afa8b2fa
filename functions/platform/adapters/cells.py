"""What Firestore says about the cells of this deployment."""

from collections.abc import Sequence

from functions.platform.domain.cells import Cell
from shared.registry import load
from shared.resources import Resources


class FirestoreCells:
    """All cells, strongly consistent across regions."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def all(self) -> Sequence[Cell]:
        records, settings = self._resources.cell_records(), self._resources.settings
        found = [records.read(cell) for cell in sorted({settings.cell, *settings.other_cells})]
        return [
            Cell(
                name=record.cell,
                home=load().cells[record.cell],
                region=record.region,
                epoch=record.epoch,
                leased=settings.cell_leases,
                renewals=record.renewal,
                holder=record.holder,
                standby=record.standby,
                opening=record.opening,
            )
            for record in found
        ]
